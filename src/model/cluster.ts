import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { AdmissionControl, type EffectiveAdmissionControl } from './admission-control.ts'
import { ConnectionPool, type EffectiveConnectionPool } from './connection-pool.ts'
import type { Document } from './document.ts'
import { Duration, milliseconds } from './duration.ts'
import { type EffectiveEndpoint, Endpoint } from './endpoint.ts'
import { type EffectiveHealthCheck, HealthCheck, healthCheckProblems } from './health-check.ts'
import { canonicalHost } from './host.ts'
import type { Kind, Reference } from './kind.ts'
import { type EffectiveLoadBalancing, LoadBalancing, loadBalancingProblems } from './load-balancing.ts'
import { Name } from './name.ts'
import { oneOf } from './one-of.ts'
import type { Warning } from './pending.ts'
import type { State } from './state.ts'
import { SubjectAltName } from './subject-alt-name.ts'
import { loopWarningsOfCluster } from './tier-loops.ts'

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
      Type.Array(SubjectAltName, {
        description: 'Names of which the upstream’s certificate must have one; else that of `sni`.',
        minItems: 1,
        maxItems: 16,
      }),
    ),
    ca: Type.Optional(
      Name({
        description:
          'Certificate that the upstream’s must be signed by; else one of the public roots that Mozilla trusts.',
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
  },
)

const GatewayTarget = Type.Object(
  {
    name: Name({ description: 'Name of a Gateway.', examples: ['internal'] }),
    listener: Name({ description: 'One of its listeners.', examples: ['http'] }),
  },
  {
    additionalProperties: false,
    description:
      'The cluster’s endpoints are the Envoys of another gateway (tiers): the addresses that they announce, with the port of the listener.',
  },
)

/** Names of outlier detection policies that need no document. One may be written for `default`, which takes its place. */
export const defaultOutlierDetection = 'default'
export const noOutlierDetection = 'none'

export const ClusterSpec = Type.Object(
  {
    endpoints: Type.Optional(
      Type.Array(Endpoint, {
        description: 'The addresses that serve it. With an empty list requests are answered with 503.',
        maxItems: 10_000,
      }),
    ),
    emptyEndpointsGrace: Type.Optional(
      Duration({
        description:
          'When a write leaves `endpoints` empty, the last ones get requests for so long all the same, in case that was not meant. 0s: requests are answered with 503 at once.',
        default: '0s',
        defaultWith: { field: 'endpoints' },
        atLeast: '0s',
        atMost: '24h',
        examples: ['5m'],
        controlPlane: true,
      }),
    ),
    gateway: Type.Optional(GatewayTarget),
    protocol: Type.Optional(
      Type.Enum(['http1', 'http2', 'auto'], {
        description: 'What the endpoints speak; auto asks them by ALPN, over TLS.',
        default: 'http1',
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
        description:
          'OutlierDetectionPolicy by which failing endpoints are left alone. Two are built in: `none`, and `default`, which is the preset `hosts` unless a policy of that name is written.',
        default: defaultOutlierDetection,
        examples: ['hosts'],
      }),
    ),
    connectionPool: Type.Optional(ConnectionPool),
    admissionControl: Type.Optional(AdmissionControl),
    tls: Type.Optional(Tls),
  },
  {
    additionalProperties: false,
    description:
      'A service behind the gateways and how it is used. It has exactly one of endpoints, gateway.',
  },
)

export type ClusterSpec = Static<typeof ClusterSpec>

export type ClusterTls = Static<typeof Tls>

/** A cluster as it is in force: what has a default is there. */
export type EffectiveCluster = Omit<ClusterSpec, 'endpoints' | 'healthCheck' | 'admissionControl'> &
  Required<Pick<ClusterSpec, 'connectTimeout' | 'protocol' | 'outlierDetection'>> & {
    loadBalancing: EffectiveLoadBalancing
    connectionPool: EffectiveConnectionPool
    endpoints?: EffectiveEndpoint[]
    healthCheck?: EffectiveHealthCheck
    admissionControl?: EffectiveAdmissionControl
  }

export const cluster: Kind = {
  kind: 'Cluster',
  plural: 'clusters',
  description: 'A service behind the gateways: its endpoints and how requests are spread over them.',
  unnamed: 'no route sends it requests',
  spec: ClusterSpec,
  example: { name: 'echo', spec: { endpoints: [{ address: '127.0.0.1', port: 9001 }] } },
  references,
  check,
  warnings,
}

function check(document: Document): Problem[] {
  const spec = document.spec as ClusterSpec
  return [
    ...oneOf(spec, '/spec', ['endpoints', 'gateway']),
    ...graceWithoutList(spec),
    ...duplicateEndpoints(spec),
    ...tooHeavy(spec),
    ...anyNameProblems(spec),
    ...loadBalancingProblems(spec.loadBalancing, '/spec/loadBalancing'),
    ...healthCheckProblems(spec.healthCheck, spec.protocol ?? 'http1', '/spec/healthCheck'),
  ]
}

function duplicateEndpoints({ endpoints = [] }: ClusterSpec): Problem[] {
  const seen = new Set<string>()
  return endpoints.flatMap(({ address, port }, index) => {
    const key = `${canonicalHost(address)} ${port}`
    if (!seen.has(key)) {
      seen.add(key)
      return []
    }
    const message = `endpoint ${address} port ${port} is there twice`
    return [{ pointer: `/spec/endpoints/${index}`, message, remedy: 'write each endpoint once' }]
  })
}

/** Envoys of a gateway come and go by themselves, and have a time of grace of their own. */
function graceWithoutList({ gateway, emptyEndpointsGrace }: ClusterSpec): Problem[] {
  if (gateway === undefined || emptyEndpointsGrace === undefined) return []
  const message = 'the Envoys of a gateway count for 5 minutes after weir lost them anyway'
  return [{ pointer: '/spec/emptyEndpointsGrace', message, remedy: 'remove it' }]
}

/** A certificate of the right CA for anybody's name proves nothing. */
function anyNameProblems({ tls }: ClusterSpec): Problem[] {
  if (tls === undefined || tls.sni !== undefined || tls.san !== undefined) return []
  const message = 'nothing says for which name the certificate of the endpoints must be'
  return [{ pointer: '/spec/tls', message, remedy: 'add sni or san' }]
}

/** Envoy refuses a locality whose weights add up to more than 32 bits. */
function tooHeavy({ endpoints = [] }: ClusterSpec): Problem[] {
  const sum = endpoints.reduce((total, { weight = 1 }) => total + weight, 0)
  if (sum <= 4_294_967_295) return []
  const message = `the weights add up to ${sum}, which is more than 4294967295`
  return [{ pointer: '/spec/endpoints', message, remedy: 'write smaller weights of the same proportions' }]
}

function warnings(document: Document, state: State): Warning[] {
  return [
    ...ignoredWeights(document),
    ...noZones(document),
    ...unasked(document),
    ...emptied(document),
    ...loopWarningsOfCluster(document, state),
  ]
}

/** Shares that the policy takes no account of. */
function ignoredWeights({ kind, name, spec }: Document): Warning[] {
  const { endpoints = [], loadBalancing } = spec as ClusterSpec
  const weights = new Set(endpoints.map(({ weight = 1 }) => weight))
  if (loadBalancing?.policy !== 'random' || weights.size < 2) return []
  const message = 'random takes no account of weights'
  return [{ kind, name, pointer: '/spec/endpoints', message, effect: 'all endpoints get the same share' }]
}

/** Zones that nobody is in: an endpoint without a locality is in none, and the Envoys of a gateway are as well. */
function noZones({ kind, name, spec }: Document): Warning[] {
  const { endpoints = [], loadBalancing } = spec as ClusterSpec
  if (loadBalancing?.zoneAware === undefined || endpoints.some(({ locality }) => locality !== undefined))
    return []
  const message = 'no endpoint of the cluster has a locality'
  const effect = 'requests go to all endpoints alike'
  return [{ kind, name, pointer: '/spec/loadBalancing/zoneAware', message, effect }]
}

/** What an empty list means right after there was another. */
function emptied({ kind, name, spec }: Document): Warning[] {
  const { endpoints, emptyEndpointsGrace: grace = '0s' } = spec as ClusterSpec
  if (endpoints?.length !== 0 || milliseconds(grace) === 0) return []
  const message = 'the cluster has no endpoints'
  const effect = `those that it had last get its requests for ${grace} from when the list became empty, then requests are answered with 503`
  return [{ kind, name, pointer: '/spec/endpoints', message, effect }]
}

/** Over a connection in clear nobody can be asked what they speak. */
function unasked({ kind, name, spec }: Document): Warning[] {
  const { protocol, tls } = spec as ClusterSpec
  if (protocol !== 'auto' || tls !== undefined) return []
  const message = 'auto asks over TLS, and the cluster has no tls'
  return [{ kind, name, pointer: '/spec/protocol', message, effect: 'requests are sent as HTTP/1.1' }]
}

function references({ gateway, outlierDetection, tls }: ClusterSpec): Reference[] {
  const named = [
    ['/spec/tls/ca', 'Certificate', tls?.ca],
    ['/spec/tls/clientCertificate', 'Certificate', tls?.clientCertificate],
  ] as const
  const found = named.flatMap(([pointer, kind, name]) =>
    name === undefined ? [] : [{ pointer, kind, name }],
  )
  const policies = outlierReference(outlierDetection)
  if (gateway === undefined) return [...policies, ...found]
  return [
    ...policies,
    ...found,
    {
      ...{ pointer: '/spec/gateway', kind: 'Gateway', name: gateway.name, listener: gateway.listener },
      target: true,
    },
  ]
}

function outlierReference(name = defaultOutlierDetection): Reference[] {
  if (name === noOutlierDetection) return []
  const optional = name === defaultOutlierDetection
  return [{ pointer: '/spec/outlierDetection', kind: 'OutlierDetectionPolicy', name, optional }]
}
