import type { EncodedResource } from '../envoy-api/encoded.ts'
import { fieldPrefix } from '../envoy-api/wire-field.ts'
import type { DeltaResponse } from './delta.ts'
import { isWhole } from './snapshot.ts'
import type { SotwResponse } from './sotw.ts'

/*
 * Responses are put together from bytes that all streams share, instead of encoding every resource for every
 * stream. Field numbers: envoy/service/discovery/v3/discovery.proto.
 */
const resourceField = { version: 1, resource: 2, name: 3 } as const
/** Of both variants' responses; in that of the state of the world, the version is `version_info`. */
const responseField = {
  version: 1,
  resources: 2,
  typeUrl: 4,
  nonce: 5,
  removedResources: 6,
} as const

/**
 * A message in parts, which are put together where it is written, and once only: that of a large gateway has megabytes, and
 * most of them are those of every other stream. It has what grpc-js asks of the bytes that it puts behind a prefix.
 */
export class WireMessage implements Pick<Buffer, 'byteLength' | 'copy'> {
  readonly byteLength: number
  readonly #parts: readonly Buffer[]

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts
    this.byteLength = parts.reduce((sum, { length }) => sum + length, 0)
  }

  copy(target: Uint8Array, start = 0): number {
    let at = start
    for (const part of this.#parts) at += part.copy(target, at)
    return at - start
  }
}

/** The bytes of a `DeltaDiscoveryResponse`. */
export function encodeDeltaResponse(response: DeltaResponse): WireMessage {
  return new WireMessage([
    text(responseField.version, String(response.revision)),
    ...deltaBody(response.upserts),
    text(responseField.typeUrl, response.type),
    text(responseField.nonce, response.nonce),
    ...response.removed.map((name) => text(responseField.removedResources, name)),
  ])
}

/** The bytes of a `DiscoveryResponse`. */
export function encodeSotwResponse(response: SotwResponse): WireMessage {
  return new WireMessage([
    text(responseField.version, response.version),
    ...sotwBody(response.content),
    text(responseField.typeUrl, response.type),
    text(responseField.nonce, response.nonce),
  ])
}

/** Field `resources` with one `Resource`. */
const deltaBytes = oncePerResource((resource) => {
  const fields = [
    text(resourceField.version, resource.version),
    fieldPrefix(resourceField.resource, resource.any.length),
    resource.any,
    text(resourceField.name, resource.name),
  ]
  const length = fields.reduce((sum, field) => sum + field.length, 0)
  return Buffer.concat([fieldPrefix(responseField.resources, length), ...fields])
})

/** Field `resources` with one bare `Any`. */
const sotwBytes = oncePerResource(({ any }) => {
  return Buffer.concat([fieldPrefix(responseField.resources, any.length), any])
})

const deltaBody = body(deltaBytes)
const sotwBody = body(sotwBytes)

/** The bytes of many resources; those of a list that many streams get are put together once. */
function body(
  bytesOf: (resource: EncodedResource) => Buffer,
): (list: readonly EncodedResource[]) => readonly Buffer[] {
  const made = new WeakMap<readonly EncodedResource[], readonly Buffer[]>()
  return (list) => {
    const known = made.get(list)
    if (known !== undefined) return known
    const parts = list.map(bytesOf)
    if (!isWhole(list)) return parts
    const whole = [Buffer.concat(parts)]
    made.set(list, whole)
    return whole
  }
}

/** However many streams it goes to. */
function oncePerResource(make: (resource: EncodedResource) => Buffer): (resource: EncodedResource) => Buffer {
  const made = new WeakMap<EncodedResource, Buffer>()
  return (resource) => {
    const bytes = made.get(resource) ?? make(resource)
    made.set(resource, bytes)
    return bytes
  }
}

function text(field: number, value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([fieldPrefix(field, bytes.length), bytes])
}
