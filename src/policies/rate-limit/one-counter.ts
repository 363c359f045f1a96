import type { Problem } from '../../errors.ts'
import { mostPartsAsked, partsAsked } from '../../model/descriptor.ts'
import type { Document } from '../../model/document.ts'
import { equalJson } from '../../model/equal.ts'
import type { LimitNumbers } from '../../model/limit-rule.ts'
import type { Warning } from '../../model/pending.ts'
import { limitRule, matchOf, numbersOf } from './rule.ts'
import type { RateLimitSpec } from './schema.ts'

/** Who calls follows from what they call with: such parts are the same for all requests of a key, or nearly so. */
const ofCaller = ['consumer', 'plan', 'jwt_claim', 'client_certificate']

/**
 * Overrides by which clients may be able to wipe their counters. A counter is its key's, whichever numbers a request has: one
 * with a shorter window or a faster refill lets the usage of all others fall at its pace. So numbers that differ in time
 * should be the same for all requests of a key.
 */
export function alternatingTimes(spec: RateLimitSpec): Omit<Warning, 'kind' | 'name'>[] {
  const own = timesOf(numbersOf(spec))
  return (spec.overrides ?? []).flatMap((override, index) => {
    const { part } = matchOf(override.match)
    if (ofCaller.includes(part.kind) || equalJson(timesOf(numbersOf(spec, override)), own)) return []
    const written = 'name' in part ? { [part.kind]: part.name } : { [part.kind]: true }
    if (spec.key.some((each) => equalJson(each, written))) return []
    const field = fieldOf(spec.algorithm)
    return [
      {
        pointer: `/spec/overrides/${index}/${field}`,
        message: `one key may have requests with this ${field} and others with the policy’s, unless ${JSON.stringify(written)} is in the key`,
        effect: 'usage of the key falls at the faster of the two, for all of its requests',
      },
    ]
  })
}

/** The service takes no more of a request than this. */
export function tooManyParts(document: Document): Problem[] {
  const count = partsAsked(limitRule(document)).length
  if (count <= mostPartsAsked) return []
  return [
    {
      pointer: '/spec/overrides',
      message: `the policy looks at ${count} parts of a request`,
      remedy: `match on at most ${mostPartsAsked} different headers and other parts in all`,
    },
  ]
}

/** What says how fast usage falls. */
function timesOf(numbers: LimitNumbers): unknown {
  if ('windowMs' in numbers) return numbers.windowMs
  return 'refill' in numbers ? numbers.refill : numbers.rate
}

function fieldOf(algorithm: RateLimitSpec['algorithm']): 'window' | 'refill' | 'rate' {
  if (algorithm === 'token_bucket') return 'refill'
  return algorithm === 'leaky_bucket' ? 'rate' : 'window'
}
