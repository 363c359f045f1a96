import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import { Duration } from './duration.ts'
import { Endpoint } from './endpoint.ts'
import { HealthCheck } from './health-check.ts'
import { canonicalIp } from './ip.ts'
import type { Kind, Reference } from './kind.ts'
import { LoadBalancing, loadBalancingProblems } from './load-balancing.ts'
import { Name } from './name.ts'
import { oneOf } from './one-of.ts'

const bound = (description: string, value: number) =>
  Type.Optional(
    Type.Integer({ description, minimum: 0, maximum: 4_294_967_295, default: value, examples: [value] }),
  )

const ConnectionPool = Type.Object(
  {
    maxConnections: bound('Connections to all endpoints together.', 1024),
    maxPendingRequests: bound('Requests that wait for a connection.', 1024),
    maxRequests: bound('Requests under way at once.', 1024),
    maxRetries: bound('Retries under way at once.', 3),
  },
  {
    additionalProperties: false,
    description:
      'Bounds of each Envoy’s connection pool, in Envoy’s terms (circuit breakers). Without it the defaults of its fields hold.',
    pending: 'Envoy’s own bounds are in force',
  },
)

const Tls = Type.Object(
  {
    sni: Type.Optional(
      Type.String({
        description:
          'Server name that is sent and, unless `san` says otherwise, must be in the certificate. Without it none is sent.',
        pattern: '^[a-zA-Z0-9_]([a-zA-Z0-9._-]*[a-zA-Z0-9_])?$',
        maxLength: 253,
        remedy: 'write a host name',
        examples: ['search.internal'],
      }),
    ),
    san: Type.Optional(
      Type.Array(
        Type.String({
          description: 'A subject alternative name.',
          minLength: 1,
          maxLength: 253,
          examples: ['search.internal'],
        }),
        {
          description: 'Names of which the upstream’s certificate must have one; else that of `sni`.',
          minItems: 1,
          maxItems: 16,
        },
      ),
    ),
    ca: Type.Optional(
      Name({
        description: 'Certificate that the upstream’s must be signed by; else the system’s roots.',
        examples: ['internal-ca'],
      }),
    ),
    clientCertificate: Type.Optional(
      Name({
        description: 'Certificate, with its key, that Envoy presents. Without it none.',
        examples: ['edge-client'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'TLS to the endpoints. Without it they are spoken to in clear.',
    pending: 'the cluster gets no endpoints until TLS is spoken to them',
    failsClosed: true,
  },
)

const GatewayTarget = Type.Object(
  {
    name: Name({ description: 'Name of a Gateway.', examples: ['internal'] }),
    listener: Name({ description: 'One of its listeners.', examples: ['http'] }),
  },
  {
    additionalProperties: false,
    description: 'The cluster’s endpoints are the Envoys of another gateway (tiers).',
    pending: 'the cluster has no endpoints',
  },
)

export const ClusterSpec = Type.Object(
  {
    endpoints: Type.Optional(
      Type.Array(Endpoint, {
        description: 'The addresses that serve it. With an empty list requests are answered with 503.',
        maxItems: 10_000,
      }),
    ),
    gateway: Type.Optional(GatewayTarget),
    protocol: Type.Optional(
      Type.Enum(['http1', 'http2', 'auto'], {
        description: 'What the endpoints speak; auto asks them by ALPN, over TLS.',
        default: 'http1',
        pendingValues: { http2: 'requests are sent as HTTP/1.1', auto: 'requests are sent as HTTP/1.1' },
      }),
    ),
    connectTimeout: Type.Optional(
      Duration({
        description: 'How long connecting to an endpoint may take.',
        default: '5s',
        atLeast: '1ms',
        atMost: '5m',
        examples: ['1s'],
      }),
    ),
    loadBalancing: Type.Optional(LoadBalancing),
    healthCheck: Type.Optional(HealthCheck),
    outlierDetection: Type.Optional(
      Name({
        description: 'OutlierDetectionPolicy by which failing endpoints are left alone. Without it none is.',
        examples: ['hosts'],
        pending: 'no endpoint is ejected and no breaker opens',
      }),
    ),
    connectionPool: Type.Optional(ConnectionPool),
    tls: Type.Optional(Tls),
  },
  {
    additionalProperties: false,
    description:
      'A service behind the gateways and how it is used. It has exactly one of endpoints, gateway.',
  },
)

export type ClusterSpec = Static<typeof ClusterSpec>

/** A cluster as it is in force: what has a default is there. */
export type EffectiveCluster = ClusterSpec & Required<Pick<ClusterSpec, 'connectTimeout' | 'loadBalancing'>>

export const cluster: Kind = {
  kind: 'Cluster',
  plural: 'clusters',
  description: 'A service behind the gateways: its endpoints and how requests are spread over them.',
  spec: ClusterSpec,
  example: { name: 'echo', spec: { endpoints: [{ address: '127.0.0.1', port: 9001 }] } },
  references,
  check,
}

function check(document: Document): Problem[] {
  const spec = document.spec as ClusterSpec
  return [
    ...oneOf(spec, '/spec', ['endpoints', 'gateway']),
    ...duplicateEndpoints(spec),
    ...loadBalancingProblems(spec.loadBalancing, '/spec/loadBalancing'),
  ]
}

function duplicateEndpoints({ endpoints = [] }: ClusterSpec): Problem[] {
  const seen = new Set<string>()
  return endpoints.flatMap(({ address, port }, index) => {
    const key = `${canonicalIp(address)} ${port}`
    if (!seen.has(key)) {
      seen.add(key)
      return []
    }
    const message = `endpoint ${address} port ${port} is there twice`
    return [{ pointer: `/spec/endpoints/${index}`, message, remedy: 'write each endpoint once' }]
  })
}

function references({ gateway, outlierDetection, tls }: ClusterSpec): Reference[] {
  const named = [
    ['/spec/outlierDetection', 'OutlierDetectionPolicy', outlierDetection],
    ['/spec/tls/ca', 'Certificate', tls?.ca],
    ['/spec/tls/clientCertificate', 'Certificate', tls?.clientCertificate],
  ] as const
  const found = named.flatMap(([pointer, kind, name]) =>
    name === undefined ? [] : [{ pointer, kind, name }],
  )
  if (gateway === undefined) return found
  return [
    ...found,
    { pointer: '/spec/gateway', kind: 'Gateway', name: gateway.name, listener: gateway.listener },
  ]
}
