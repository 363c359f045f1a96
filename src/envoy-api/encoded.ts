import { createHash } from 'node:crypto'
import { encode } from './protos.ts'
import { type Resources, type TypeUrl, typeUrls } from './types.ts'

/** A resource in the form in which every stream shares it. */
export interface EncodedResource {
  readonly name: string
  /** Hash of the content: equal on every replica and after every restart. */
  readonly version: string
  /** A serialized `google.protobuf.Any`. */
  readonly any: Buffer
}

export type EncodedResources = ReadonlyMap<TypeUrl, ReadonlyMap<string, EncodedResource>>

/** The clear text of a value that stands for a secret; nothing for any other value. */
export type InClear = (value: object) => string | undefined

/**
 * Encodes every resource once; names keep their sorted order, so equal input gives equal bytes. Messages of secrets hold
 * their clear texts as objects that do not print them: `inClear` is what turns them into text, here and nowhere else.
 */
export function encodeResources(resources: Resources, inClear: InClear = () => undefined): EncodedResources {
  const encoded = new Map<TypeUrl, Map<string, EncodedResource>>()
  for (const [typeUrl, byName] of resources) {
    const names = [...byName.keys()].sort()
    encoded.set(
      typeUrl,
      new Map(names.map((name) => [name, encodeResource(typeUrl, name, byName.get(name)!, inClear)])),
    )
  }
  return encoded
}

const known = new WeakMap<object, EncodedResource>()

/** A message that is the very same object as in an earlier compile is not encoded again. */
function encodeResource(typeUrl: TypeUrl, name: string, message: object, inClear: InClear): EncodedResource {
  const before = known.get(message)
  if (before?.name === name) return before
  const clear = typeUrl === typeUrls.secret ? (revealed(message, inClear) as object) : message
  const encoded = encodeMessage(typeUrl, name, clear)
  known.set(message, encoded)
  return encoded
}

function encodeMessage(typeUrl: TypeUrl, name: string, message: object): EncodedResource {
  const value = encode(typeUrl.slice(typeUrl.indexOf('/') + 1), { ...message })
  const any = encode('google.protobuf.Any', { type_url: typeUrl, value })
  const version = createHash('sha256').update(any).digest('base64url').slice(0, 16)
  return { name, version, any }
}

/** Of a value that is neither plain nor a secret's the encoder would make some text. */
function revealed(value: unknown, inClear: InClear): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map((item) => revealed(item, inClear))
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revealed(item, inClear)]))
  }
  const text = inClear(value)
  if (text === undefined) throw new Error('a secret is to be encoded, and nothing was given that can tell it')
  return text
}
