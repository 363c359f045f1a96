import type { Problem } from '../../../errors.ts'
import { keyPart } from '../rule.ts'
import type { RateLimitSpec } from '../schema.ts'
import { mostOptional, optionalParts, unsayable } from './key.ts'

/** What an Envoy cannot count by itself, as the limit or as the shield before it. */
export function localProblems(spec: RateLimitSpec): Problem[] {
  if (spec.scope === 'envoy') return [...foreign(spec), ...ofBucket(spec), ...ofKey(spec, '/spec/scope')]
  return spec.shield === undefined ? [] : [...freeOfCharge(spec), ...ofKey(spec, '/spec/shield')]
}

/** What only the rate-limit service does. */
const ofFleet = [
  'plans',
  'overrides',
  'percent',
  'response',
  'xRateLimitHeaders',
  'onStoreFailure',
  'shield',
] as const

function foreign(spec: RateLimitSpec): Problem[] {
  return ofFleet
    .filter((field) => Object.hasOwn(spec, field))
    .map((field) => ({
      pointer: `/spec/${field}`,
      message: `an Envoy that counts by itself knows no ${field}`,
      remedy: 'remove it, or write scope: fleet',
    }))
}

function ofBucket({ algorithm, capacity, cost = 1, onMissing }: RateLimitSpec): Problem[] {
  const problems: Problem[] = []
  const add = (field: string, message: string, remedy: string) =>
    problems.push({ pointer: `/spec/${field}`, message, remedy })
  if (algorithm !== 'token_bucket')
    add(
      'algorithm',
      `an Envoy that counts by itself has token buckets, and no ${algorithm}`,
      'write algorithm: token_bucket with capacity and refill, or scope: fleet',
    )
  if (capacity === 0)
    add('capacity', 'an Envoy has no bucket of 0 tokens', 'write at least 1, or scope: fleet')
  if (typeof cost !== 'number' || cost === 0)
    add(
      'cost',
      'an Envoy that counts by itself knows no such cost',
      'write a number of at least 1, or scope: fleet',
    )
  if (onMissing === 'deny')
    add(
      'onMissing',
      'an Envoy that counts by itself refuses nothing for a part that is missing',
      'write shared or skip, or scope: fleet',
    )
  return problems
}

function freeOfCharge({ cost }: RateLimitSpec): Problem[] {
  if (cost !== 0) return []
  const message = 'requests that cost 0 are admitted however many there are'
  return [{ pointer: '/spec/shield', message, remedy: 'remove it, or write a cost of at least 1' }]
}

function ofKey(spec: RateLimitSpec, pointer: string): Problem[] {
  const key = spec.key.map((part) => keyPart(part))
  const unknown = key.flatMap((part, index) => {
    const message = unsayable(part)
    if (message === undefined) return []
    const remedy =
      pointer === '/spec/shield'
        ? 'count by something else, or remove shield'
        : 'count by something else, or write scope: fleet'
    return [{ pointer: `/spec/key/${index}/${part.kind}`, message, remedy }]
  })
  const count = optionalParts(key)
  if (count <= mostOptional) return unknown
  const message = `the key has ${count} parts that a request may lack`
  return [...unknown, { pointer, message, remedy: `an Envoy counts by at most ${mostOptional} of them` }]
}
