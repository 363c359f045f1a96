import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import { Duration } from './duration.ts'
import type { Kind } from './kind.ts'
import { Port } from './port.ts'

const Endpoint = Type.Object(
  {
    address: Type.String({
      description: 'IP address of the endpoint.',
      format: 'weir-ip',
      remedy: 'write an IPv4 or IPv6 address, for example 10.0.0.7',
      examples: ['127.0.0.1'],
    }),
    port: Port('TCP port of the endpoint.', 9001),
  },
  { additionalProperties: false },
)

const LoadBalancing = Type.Object(
  {
    policy: Type.Optional(
      Type.Enum(['round_robin'], {
        description: 'How an endpoint is picked for a request, in Envoy’s terms.',
        default: 'round_robin',
      }),
    ),
  },
  { additionalProperties: false, default: {} },
)

export const ClusterSpec = Type.Object(
  {
    endpoints: Type.Array(Endpoint, {
      description: 'The addresses that serve it. None: requests are answered with 503.',
      maxItems: 10_000,
    }),
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
  },
  {
    additionalProperties: false,
    description: 'A service behind the gateways: its endpoints and how they are used.',
  },
)

export type ClusterSpec = Static<typeof ClusterSpec>

export const cluster: Kind = {
  kind: 'Cluster',
  plural: 'clusters',
  description: 'A service behind the gateways: its endpoints and how requests are spread over them.',
  spec: ClusterSpec,
  example: { name: 'echo', spec: { endpoints: [{ address: '127.0.0.1', port: 9001 }] } },
  references: () => [],
  check: duplicateEndpoints,
}

function duplicateEndpoints(document: Document): Problem[] {
  const seen = new Set<string>()
  return (document.spec as ClusterSpec).endpoints.flatMap(({ address, port }, index) => {
    const key = `${address} ${port}`
    if (!seen.has(key)) {
      seen.add(key)
      return []
    }
    return [
      {
        pointer: `/spec/endpoints/${index}`,
        message: `endpoint ${address} port ${port} is there twice`,
        remedy: 'write each endpoint once',
      },
    ]
  })
}
