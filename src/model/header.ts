import { type TSchemaOptions, Type } from 'typebox'
import type { Problem } from '../errors.ts'

/** A header field name in lower case, as HTTP/2 demands (RFC 9113, section 8.2.1). */
export function HeaderName(options: TSchemaOptions = {}) {
  return Type.String({
    pattern: "^[a-z0-9!#$%&'*+.^_`|~-]{1,256}$",
    maxLength: 256,
    remedy: 'write a header name in lower case, for example x-api-key',
    examples: ['x-api-key'],
    ...options,
  })
}

/** A header's value: anything but control characters (RFC 9110, section 5.5). */
export function HeaderValue(options: TSchemaOptions = {}) {
  return Type.String({
    pattern: '^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]*$',
    maxLength: 8192,
    remedy: 'remove line breaks and control characters',
    examples: ['gold'],
    ...options,
  })
}

/** Header names and their values, which `format` may bound further. */
export function HeaderMap(options: TSchemaOptions & { description: string }, format?: string) {
  const value = HeaderValue({
    description: 'The value of the header.',
    ...(format !== undefined && { format }),
  })
  return Type.Record(HeaderName(), value, {
    maxProperties: 64,
    additionalProperties: false,
    examples: [{ 'x-tier': 'gold' }],
    ...options,
  })
}

/**
 * Headers that are not the route's to change: Envoy refuses the host, and the others say where a message ends or belong
 * to one connection (RFC 9110, section 7.6.1; RFC 9112, section 6.3), so that a wrong one cuts another request in two.
 */
const untouchable = [
  ...['host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection'],
  ...['te', 'trailer', 'upgrade'],
]

export function isUntouchable(name: string): boolean {
  return untouchable.includes(name)
}

export function untouchableProblem(name: string, pointer: string): Problem[] {
  if (!isUntouchable(name)) return []
  return [{ pointer, message: `"${name}" is not a route’s to change`, remedy: 'remove it' }]
}
