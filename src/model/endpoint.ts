import { type Static, Type } from 'typebox'
import { Port } from './port.ts'

const part = (description: string, example: string) =>
  Type.Optional(Type.String({ description, maxLength: 128, examples: [example] }))

const Locality = Type.Object(
  {
    region: part('Region. Without it none.', 'eu-1'),
    zone: part('Zone of the region. Without it none.', 'eu-1a'),
    subZone: part('Part of the zone, such as a rack. Without it none.', 'rack-7'),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description:
      'Where it runs: endpoints of one locality are one group in Envoy’s own statistics and logs. Shares are those of the weights whatever the locality; `priority` says which go first. Without it nowhere in particular.',
  },
)

/** One address that serves a cluster. */
export const Endpoint = Type.Object(
  {
    address: Type.String({
      description:
        'IP address or host name of the endpoint; every address that a name has in the DNS is an endpoint.',
      format: 'weir-host',
      maxLength: 253,
      remedy: 'write an IP address or a host name, for example 10.0.0.7 or users.internal',
      examples: ['127.0.0.1'],
    }),
    port: Port('TCP port of the endpoint.', 9001),
    weight: Type.Optional(
      Type.Integer({
        description: 'Share of the requests, relative to the other endpoints.',
        minimum: 1,
        maximum: 1_000_000,
        default: 1,
        remedy:
          'use an integer from 1 to 1000000; to take an endpoint away lower its weight to 1, then write draining: true, then remove it',
        examples: [80],
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        description:
          'Endpoints of the lowest number get the requests; others come in as those fail (failover). Gaps are fine.',
        minimum: 0,
        maximum: 127,
        default: 0,
        examples: [1],
      }),
    ),
    locality: Type.Optional(Locality),
    draining: Type.Optional(
      Type.Boolean({
        description: 'It gets no new requests, and may finish those that it has.',
        default: false,
        examples: [true],
      }),
    ),
  },
  { additionalProperties: false, description: 'One address that serves the cluster.' },
)

export type Endpoint = Static<typeof Endpoint>

/** An endpoint with its defaults. */
export type EffectiveEndpoint = Endpoint & Required<Pick<Endpoint, 'weight' | 'priority' | 'draining'>>
