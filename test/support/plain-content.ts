import { decode } from '../../src/envoy-api/protos.ts'
import type { Message } from '../../src/envoy-api/types.ts'

/**
 * A message in a form that does not depend on where it is from, be it as compiled or Envoy's JSON (ProtoJSON): what has
 * its default is left out, scalars are text, and a duration is a number of seconds.
 */
export function plainContent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainContent)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value !== 'object' || value === null) return plainScalar(value)
  const { type_url, value: inner, seconds, nanos, ...rest } = value as Message
  if (typeof type_url === 'string') {
    const content = decode(type_url.slice(type_url.indexOf('/') + 1), inner as Buffer)
    return { '@type': type_url, ...(plainContent(content) as object | undefined) }
  }
  if (Object.keys(rest).length === 0) {
    if (inner !== undefined) return plainScalar(inner)
    if (seconds !== undefined || nanos !== undefined) {
      return plainScalar(`${Number(seconds ?? 0) + Number(nanos ?? 0) / 1e9}s`)
    }
  }
  const entries = Object.entries(value)
    // Fields newer than our protos are extensions there (`newer`), and plain fields to Envoy.
    .map(([name, item]) => [name.replace(/^\..*\./, ''), plainContent(item)] as const)
    .filter(([, item]) => item !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function plainScalar(value: unknown): string | undefined {
  const text =
    typeof value === 'string' && /^[\d.]+s$/.test(value) ? `${Number.parseFloat(value)}s` : `${value}`
  return ['', '0', '0s', 'false', 'null', 'undefined'].includes(text) ? undefined : text
}
