import { Type } from 'typebox'
import { Port } from './port.ts'

/** One address that serves a cluster. */
export const Endpoint = Type.Object(
  {
    address: Type.String({
      description: 'IP address of the endpoint.',
      format: 'weir-ip',
      maxLength: 64,
      remedy: 'write an IPv4 or IPv6 address, for example 10.0.0.7',
      examples: ['127.0.0.1'],
    }),
    port: Port('TCP port of the endpoint.', 9001),
    weight: Type.Optional(
      Type.Integer({
        description: 'Share of the requests, relative to the other endpoints.',
        minimum: 1,
        maximum: 1_000_000,
        default: 1,
        examples: [80],
        pending: 'all endpoints get the same share',
      }),
    ),
  },
  { additionalProperties: false, description: 'One address that serves the cluster.' },
)
