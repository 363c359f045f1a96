import { WeirError } from '../../../errors.ts'
import { mostEntries, policyEntry } from '../../../model/descriptor.ts'
import {
  type DescriptorEntry,
  mostDescriptors,
  type RateLimitDescriptor,
  type RateLimitRequest,
} from '../messages.ts'
import { tooMany } from '../too-many.ts'
import { malformed, Reader } from './reader.ts'

/** Made once, as `tooMany` is. */
const notOne = new WeirError('malformed', 'The message is no RateLimitRequest.')

const reader = new Reader()

/**
 * Reads an `envoy.service.ratelimit.v3.RateLimitRequest` as protobufjs does, with the protocol's defaults for what is
 * absent. Returned instead: `malformed` for what is no such message, `too_large` at the first descriptor or entry too many.
 */
export function decodeRateLimitRequest(bytes: Buffer): RateLimitRequest | WeirError {
  reader.open(bytes)
  try {
    return requestAt()
  } catch (error) {
    if (error === malformed) return notOne
    if (error instanceof WeirError) return error
    throw error
  }
}

function requestAt(): RateLimitRequest {
  let domain = ''
  const descriptors: RateLimitDescriptor[] = []
  let hits_addend = 0
  while (reader.at < reader.end) {
    const tag = reader.uint32()
    switch (tag >>> 3) {
      case 1:
        domain = reader.name()
        break
      case 2:
        if (descriptors.length === mostDescriptors) throw tooMany.descriptors
        descriptors.push(descriptorAt())
        break
      case 3:
        hits_addend = reader.uint32()
        break
      default:
        reader.skip(tag & 7, 0)
    }
  }
  return { domain, descriptors, hits_addend }
}

function descriptorAt(): RateLimitDescriptor {
  const outer = reader.enter()
  const entries: DescriptorEntry[] = []
  let hits_addend: { value: number } | undefined
  while (reader.at < reader.end) {
    const tag = reader.uint32()
    switch (tag >>> 3) {
      case 1:
        if (entries.length === mostEntries) throw tooMany.entries
        entries.push(entryAt())
        break
      case 3:
        hits_addend = { value: hitsAt() }
        break
      case 4:
        // Whether hits are given back (`is_negative_hits`), which weir does not do.
        reader.uint32()
        break
      default:
        reader.skip(tag & 7, 1)
    }
  }
  reader.leave(outer)
  return { entries, hits_addend }
}

function entryAt(): DescriptorEntry {
  const outer = reader.enter()
  let key = ''
  let value = ''
  while (reader.at < reader.end) {
    const tag = reader.uint32()
    switch (tag >>> 3) {
      case 1:
        key = reader.name()
        break
      case 2:
        // Other values are a client's, and may be secret.
        value = reader.bytes(key === policyEntry)
        break
      default:
        reader.skip(tag & 7, 2)
    }
  }
  reader.leave(outer)
  return { key, value }
}

/** A `google.protobuf.UInt64Value`. */
function hitsAt(): number {
  const outer = reader.enter()
  let value = 0
  while (reader.at < reader.end) {
    const tag = reader.uint32()
    if (tag >>> 3 === 1) value = reader.uint64()
    else reader.skip(tag & 7, 2)
  }
  reader.leave(outer)
  return value
}
