import { type Static, Type } from 'typebox'
import { Duration } from './duration.ts'
import type { CheckContext } from './kind.ts'
import { Name } from './name.ts'
import { Port } from './port.ts'
import { SubjectAltName } from './subject-alt-name.ts'

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
    clientSan: Type.Optional(
      Type.Array(SubjectAltName, {
        description:
          'Names of which a client’s certificate must have one. Without it those that clientCa vouches for may come.',
        minItems: 1,
        maxItems: 64,
        uniqueItems: true,
        examples: [['spiffe://partner.example/billing']],
      }),
    ),
    clientFingerprints: Type.Optional(
      Type.Array(
        Type.String({
          description: 'SHA-256 of a certificate in DER, in hexadecimal digits, with colons or not.',
          pattern: '^([0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31})$',
          maxLength: 95,
          remedy: 'write what `openssl x509 -noout -fingerprint -sha256` prints',
        }),
        {
          description:
            'The client certificates that may come, of those that clientCa vouches for. Without it all of them.',
          minItems: 1,
          maxItems: 64,
          uniqueItems: true,
        },
      ),
    ),
  },
  {
    additionalProperties: false,
    description: 'TLS termination, for https listeners. Without it clients speak in clear.',
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
    }),
    tls: Type.Optional(Tls),
    callers: Type.Optional(
      Type.Enum(['clients', 'gateways'], {
        description:
          'Who sends requests: clients, whose requests get an x-request-id of their own and are sampled for tracing here, or other gateways, whose x-request-id and sampling are kept. Default: gateways if a Cluster forwards to this listener, else clients.',
        examples: ['gateways'],
      }),
    ),
    trustedHops: Type.Optional(
      Type.Integer({
        description:
          'How many proxies before it, such as a CDN or another gateway, are trusted to say whom they speak for: the client is who wrote to the first of them, by `x-forwarded-for` read from its end. With 0 it is the other end of the connection.',
        minimum: 0,
        maximum: 16,
        default: 0,
        examples: [1],
      }),
    ),
    maxConnections: Type.Optional(
      Type.Integer({
        description:
          'Connections of clients that each Envoy has open here at once; more are closed at once. Without it the bound of the whole Envoy holds alone (`weir envoy bootstrap --max-connections`).',
        minimum: 1,
        maximum: 10_000_000,
        examples: [10_000],
      }),
    ),
    idleTimeout: Type.Optional(
      Duration({
        description:
          'How long nothing may move on a request, where its route says nothing of it; 0s means for ever.',
        default: '5m',
        atLeast: '0s',
        atMost: '24h',
        examples: ['5m'],
      }),
    ),
    maxStreamDuration: Type.Optional(
      Duration({
        description:
          'How long a request, or a connection that it was upgraded to, may last, however much moves on it, where its route says nothing of it. Without it no request is ended for that.',
        atLeast: '1s',
        atMost: '24h',
        examples: ['1h'],
      }),
    ),
    connectionIdleTimeout: Type.Optional(
      Duration({
        description: 'A client’s connection without requests is closed after so long; 0s means never.',
        default: '1h',
        atLeast: '0s',
        atMost: '24h',
        examples: ['1h'],
      }),
    ),
  },
  { additionalProperties: false, description: 'One address and port.' },
)

export type Listener = Static<typeof Listener>

export type ListenerTls = Static<typeof Tls>

/** A listener as it is in force: what has a default is there. */
export type EffectiveListener = Listener & Required<Pick<Listener, 'idleTimeout' | 'connectionIdleTimeout'>>

/** Where a listener binds, with the default of the setting in place. */
export function boundAddress(listener: Listener, context: CheckContext): string {
  return listener.address ?? context.listenerAddress
}
