import { decode } from '../../envoy-api/protos.ts'
import type { Message } from '../../envoy-api/types.ts'

/**
 * A message in a form that does not depend on where it is from, be it as compiled or Envoy's JSON (ProtoJSON): what has
 * its default is left out, scalars are text, and a duration is a number of seconds.
 */
export function plainContent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainContent)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value !== 'object' || value === null) return plainScalar(value)
  const { type_url, value: inner, seconds, nanos, ...rest } = value as Message
  // A TypedStruct has a `type_url` besides its own type.
  if (typeof type_url === 'string' && rest['@type'] === undefined) {
    const content = decode(type_url.slice(type_url.indexOf('/') + 1), inner as Buffer)
    return { '@type': type_url, ...(plainContent(content) as object | undefined) }
  }
  if (Object.keys(rest).length === 0) {
    if (inner !== undefined && !isMessage(inner)) return plainScalar(inner)
    if (seconds !== undefined || nanos !== undefined) {
      return plainScalar(`${Number(seconds ?? 0) + Number(nanos ?? 0) / 1e9}s`)
    }
  }
  const entries = Object.entries(fieldsOf(value as Message))
    // Fields newer than our protos are extensions there (`newer`), and plain fields to Envoy.
    .map(([name, item]) => [name.replace(/^\..*\./, ''), plainContent(item)] as const)
    .filter(([, item]) => item !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

const structKinds = ['stringValue', 'numberValue', 'boolValue', 'structValue', 'listValue', 'nullValue']

/** A `google.protobuf.Struct` is a plain object in ProtoJSON. */
function fieldsOf(message: Message): Message {
  const { fields, ...rest } = message
  if (typeof fields !== 'object' || fields === null || Object.keys(rest).length > 0) return message
  const isStruct = Object.values(fields).every((value) => structKinds.includes(Object.keys(value)[0]!))
  return isStruct
    ? Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, inStruct(value)]))
    : message
}

function inStruct(value: Message): unknown {
  const [kind, content] = Object.entries(value)[0]!
  return kind === 'listValue' ? (content as { values?: Message[] }).values?.map(inStruct) : content
}

/** Of scalars, and of the enums that have one other than a number to us. */
const defaults = ['', '0', '0s', 'false', 'null', 'undefined', 'EQ', 'HTTP1', 'SECONDS']

function isMessage(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}

function plainScalar(value: unknown): string | undefined {
  const text =
    typeof value === 'string' && /^[\d.]+s$/.test(value) ? `${Number.parseFloat(value)}s` : `${value}`
  return defaults.includes(text) ? undefined : text
}
