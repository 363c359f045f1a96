import { createHash } from 'node:crypto'
import type { EncodedResource } from './encoded.ts'
import { decode, encode } from './protos.ts'
import { typeUrls } from './types.ts'

/** A resource that has all of two versions, for the time in which users of either are in force. */
export interface Grown extends EncodedResource {
  /** Version of the later of the two, which is what it makes way for. */
  readonly towards: string
  /** Whether the earlier one lacks anything of it. */
  readonly adds: boolean
}

/**
 * A `TypedExtensionConfig` with all that is in `before` or `after`: entries of maps and lists of both; numbers and switches
 * as `after` says, and a text or a message that there can be only one of as `after` says, if it says anything. Nothing if
 * `after` has all of it already, if the two are of different types, or of one of which two cannot be one.
 *
 * It needs no schema: messages that are written one after the other are read as one (Protocol Buffers, "Last One Wins").
 */
export function grown(before: EncodedResource, after: EncodedResource): Grown | undefined {
  const known = pairs.get(before) ?? new WeakMap<EncodedResource, { grown: Grown | undefined }>()
  pairs.set(before, known)
  const pair = known.get(after) ?? { grown: merged(before, after) }
  known.set(after, pair)
  return pair.grown
}

/** Envoy refuses one of two items that it takes for the same, so that lists of two versions are not one. */
const uniqueLists = new Set(
  ['envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'].map(typeUrlOf),
)

function typeUrlOf(typeName: string): string {
  return `type.googleapis.com/${typeName}`
}

/** All streams share what was made of two resources. */
const pairs = new WeakMap<EncodedResource, WeakMap<EncodedResource, { grown: Grown | undefined }>>()

function merged(before: EncodedResource, after: EncodedResource): Grown | undefined {
  const [old, present] = [contentOf(before), contentOf(after)]
  if (old === undefined || present === undefined || old.type_url !== present.type_url) return undefined
  if (uniqueLists.has(present.type_url)) return undefined
  const had = new Set(fieldsOf(present.value).map(textOf))
  const leftover = fieldsOf(old.value).filter((field) => isLong(field) && !had.has(textOf(field)))
  if (leftover.length === 0) return undefined
  const typed_config = { type_url: present.type_url, value: Buffer.concat([...leftover, present.value]) }
  const { name } = after
  const value = encode('envoy.config.core.v3.TypedExtensionConfig', { name, typed_config })
  const any = encode('google.protobuf.Any', { type_url: typeUrls.extension, value })
  const version = createHash('sha256').update(any).digest('base64url').slice(0, 16)
  return { name, version, any, towards: after.version, adds: adds(before, old, present) }
}

/** Of what was put together before, the order counts as well (the last one wins), so that it is put together anew. */
function adds(before: EncodedResource, old: Content, present: Content): boolean {
  const had = new Set(fieldsOf(old.value).map(textOf))
  return 'towards' in before || fieldsOf(present.value).some((field) => !had.has(textOf(field)))
}

interface Content {
  type_url: string
  value: Buffer
}

function contentOf({ any }: EncodedResource): Content | undefined {
  const { type_url, value } = decode('google.protobuf.Any', any) as Partial<Content>
  if (type_url !== typeUrls.extension) return undefined
  const empty = Buffer.alloc(0)
  const { typed_config } = decode('envoy.config.core.v3.TypedExtensionConfig', value ?? empty)
  if (typed_config === undefined) return undefined
  return { type_url: '', value: empty, ...(typed_config as Partial<Content>) }
}

function textOf(field: Buffer): string {
  return field.toString('latin1')
}

/** Whether it may be one of several: a number or a switch that `after` leaves out has its default there. */
function isLong(field: Buffer): boolean {
  return (field[0]! & 7) === 2
}

/** Each field of a serialized message with its tag, an item of a list or a map by itself (Protocol Buffers, "Encoding"). */
function fieldsOf(message: Buffer): Buffer[] {
  const fields: Buffer[] = []
  for (let at = 0; at < message.length; ) {
    const start = at
    const tag = varint(message, at)
    at = afterValue(message, tag.next, tag.value & 7)
    fields.push(message.subarray(start, at))
  }
  return fields
}

function afterValue(message: Buffer, at: number, wireType: number): number {
  switch (wireType) {
    case 0:
      return varint(message, at).next
    case 1:
      return at + 8
    case 2: {
      const length = varint(message, at)
      return length.next + length.value
    }
    case 5:
      return at + 4
    default:
      throw new Error(`a serialized message has a field of the wire type ${wireType}`)
  }
}

/** Exact for tags and lengths; of a longer value only where it ends. */
function varint(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0
  for (let next = at, factor = 1; ; factor *= 128) {
    const byte = bytes[next++]
    if (byte === undefined) throw new Error('a serialized message ends within a number')
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return { value, next }
  }
}
