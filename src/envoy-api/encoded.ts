import { createHash } from 'node:crypto'
import { encode } from './protos.ts'
import type { Resources, TypeUrl } from './types.ts'

/** A resource in the form in which every stream shares it. */
export interface EncodedResource {
  readonly name: string
  /** Hash of the content: equal on every replica and after every restart. */
  readonly version: string
  /** A serialized `google.protobuf.Any`. */
  readonly any: Buffer
}

export type EncodedResources = ReadonlyMap<TypeUrl, ReadonlyMap<string, EncodedResource>>

/** Encodes every resource once; names keep their sorted order, so equal input gives equal bytes. */
export function encodeResources(resources: Resources): EncodedResources {
  const encoded = new Map<TypeUrl, Map<string, EncodedResource>>()
  for (const [typeUrl, byName] of resources) {
    const names = [...byName.keys()].sort()
    encoded.set(
      typeUrl,
      new Map(names.map((name) => [name, encodeResource(typeUrl, name, byName.get(name)!)])),
    )
  }
  return encoded
}

const known = new WeakMap<object, EncodedResource>()

/** A message that is the very same object as in an earlier compile is not encoded again. */
function encodeResource(typeUrl: TypeUrl, name: string, message: object): EncodedResource {
  const before = known.get(message)
  if (before?.name === name) return before
  const encoded = encodeMessage(typeUrl, name, message)
  known.set(message, encoded)
  return encoded
}

function encodeMessage(typeUrl: TypeUrl, name: string, message: object): EncodedResource {
  const value = encode(typeUrl.slice(typeUrl.indexOf('/') + 1), { ...message })
  const any = encode('google.protobuf.Any', { type_url: typeUrl, value })
  const version = createHash('sha256').update(any).digest('base64url').slice(0, 16)
  return { name, version, any }
}
