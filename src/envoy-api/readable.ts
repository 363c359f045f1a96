import type { EncodedResource } from './encoded.ts'
import { decode, protos } from './protos.ts'
import { type Message, typeUrls } from './types.ts'

const redacted = '[redacted]'

/** Fields of a secret that are public; of others nobody has looked. */
const openFields: Record<string, readonly string[] | 'all'> = {
  name: 'all',
  tls_certificate: ['certificate_chain'],
  validation_context: 'all',
}

/**
 * A resource as JSON with the names of the .proto files, each `Any` as an object with `@type`; bytes, and an `Any` of an
 * unknown type, in base64. Of secrets everything that is not surely public says `[redacted]`, as in Envoy's own
 * `config_dump`.
 */
export function readable({ any }: EncodedResource): Message {
  return opened(decode('google.protobuf.Any', any)) as Message
}

function opened(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(opened)
  if (isAny(value)) return openedAny(value)
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, opened(item)]))
}

/** An `xds.type.v3.TypedStruct` has a `type_url`, too, but no bytes. */
function isAny(value: object): value is { type_url: string; value?: Buffer } {
  const { type_url: type, value: bytes } = value as Message
  return typeof type === 'string' && (bytes === undefined || Buffer.isBuffer(bytes))
}

function openedAny({ type_url: type, value = Buffer.alloc(0) }: { type_url: string; value?: Buffer }) {
  const name = type.slice(type.indexOf('/') + 1)
  if (!(name in protos())) return { '@type': type, value: value.toString('base64') }
  const message = decode(name, value)
  return {
    '@type': type,
    ...(opened(type === typeUrls.secret ? withoutSecrets(message) : message) as Message),
  }
}

function withoutSecrets(secret: Message): Message {
  const entries = Object.entries(secret).map(([name, value]): [string, unknown] => {
    const open = openFields[name]
    if (open === 'all') return [name, value]
    if (open === undefined) return [name, redacted]
    const inner = Object.entries(value as Message)
    return [
      name,
      Object.fromEntries(inner.map(([field, item]) => [field, open.includes(field) ? item : redacted])),
    ]
  })
  return Object.fromEntries(entries)
}
