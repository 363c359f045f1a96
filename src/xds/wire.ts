import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { DeltaResponse } from './delta.ts'

/*
 * Responses are put together from bytes that all streams share, instead of encoding every resource for every
 * stream. Field numbers: envoy/service/discovery/v3/discovery.proto.
 */
const resourceField = { version: 1, resource: 2, name: 3 } as const
const responseField = {
  systemVersionInfo: 1,
  resources: 2,
  typeUrl: 4,
  nonce: 5,
  removedResources: 6,
} as const

const lengthDelimited = 2

/** The bytes of a `DeltaDiscoveryResponse`. */
export function encodeDeltaResponse(response: DeltaResponse): Buffer {
  return Buffer.concat([
    text(responseField.systemVersionInfo, String(response.revision)),
    ...response.upserts.map(resourceBytes),
    text(responseField.typeUrl, response.type),
    text(responseField.nonce, response.nonce),
    ...response.removed.map((name) => text(responseField.removedResources, name)),
  ])
}

const encoded = new WeakMap<EncodedResource, Buffer>()

/** Field `resources` with one `Resource`, made once per resource however many streams it goes to. */
function resourceBytes(resource: EncodedResource): Buffer {
  const known = encoded.get(resource)
  if (known !== undefined) return known
  const fields = [
    text(resourceField.version, resource.version),
    prefix(resourceField.resource, resource.any.length),
    resource.any,
    text(resourceField.name, resource.name),
  ]
  const length = fields.reduce((sum, field) => sum + field.length, 0)
  const bytes = Buffer.concat([prefix(responseField.resources, length), ...fields])
  encoded.set(resource, bytes)
  return bytes
}

function text(field: number, value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([prefix(field, bytes.length), bytes])
}

/** Tag and length of a length-delimited field, both as varints. */
function prefix(field: number, length: number): Buffer {
  const bytes = [(field << 3) | lengthDelimited]
  let rest = length
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}
