import { type Static, Type } from 'typebox'
import type { CheckContext } from './kind.ts'
import { Name } from './name.ts'
import { Port } from './port.ts'

const Tls = Type.Object(
  {
    certificates: Type.Array(Name({ description: 'Name of a Certificate.', examples: ['shop'] }), {
      description: 'Certificates to serve, chosen by the name that the client asks for (SNI).',
      minItems: 1,
      maxItems: 64,
      uniqueItems: true,
    }),
    minVersion: Type.Optional(
      Type.Enum(['1.2', '1.3'], { description: 'Oldest TLS version that is accepted.', default: '1.2' }),
    ),
    clientCertificate: Type.Optional(
      Type.Enum(['require', 'request', 'none'], {
        description: 'Whether clients must, may, or are not asked to present a certificate.',
        default: 'none',
      }),
    ),
    clientCa: Type.Optional(
      Name({
        description:
          'Certificate that client certificates must be signed by. Without it clients cannot be asked for one.',
        examples: ['partner-ca'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'TLS termination, for https listeners. Without it clients speak in clear.',
    pending: 'the listener stays shut until TLS is served',
    failsClosed: true,
  },
)

export const Listener = Type.Object(
  {
    name: Name({
      description: 'Unique in the gateway; routes name one listener as gateway/listener.',
      examples: ['http'],
    }),
    address: Type.Optional(
      Type.String({
        description: 'IP address to bind. Default: WEIR_LISTENER_ADDRESS.',
        format: 'weir-ip',
        maxLength: 64,
        remedy: 'write an IPv4 or IPv6 address, for example 127.0.0.1 or 0.0.0.0',
        examples: ['127.0.0.1'],
      }),
    ),
    port: Port('TCP port to bind.', 10000),
    protocol: Type.Enum(['http', 'https'], {
      description: 'What clients speak to it: HTTP/1.1 and HTTP/2, in clear or over TLS.',
      examples: ['http'],
      pendingValues: { https: 'the listener stays shut until TLS is served' },
      failsClosed: true,
    }),
    tls: Type.Optional(Tls),
  },
  { additionalProperties: false, description: 'One address and port.' },
)

export type Listener = Static<typeof Listener>

/** How long nothing may move on a request, where its route says nothing of it. */
export const streamIdleTimeoutMs = 300_000

/** Where a listener binds, with the default of the setting in place. */
export function boundAddress(listener: Listener, context: CheckContext): string {
  return listener.address ?? context.listenerAddress
}
