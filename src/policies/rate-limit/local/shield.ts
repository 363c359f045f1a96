import { capacityOf } from '../../../model/capacity.ts'
import type { LimitNumbers, LimitRule } from '../../../model/limit-rule.ts'
import type { Bucket } from './bucket.ts'

/** How `shield` is written. At 2x a shield is as tight as it may be, see below. */
export const shieldPattern = '^([2-9]|[1-9][0-9]{1,2}|1000)x$'

/** The number of a text that its schema has accepted. */
export function timesOf(shield: string): number {
  return Number(shield.slice(0, -1))
}

/** A request may come to the service later than to the shield, and meet what was refilled meanwhile. */
const slackMs = 1_000

/**
 * The bucket that each Envoy has for a key in front of a limit. It holds `times` what the limit admits at once, or in a
 * second if that is more, and refills `times` as fast, so that it lets everything pass that the limit admits, though one
 * Envoy get it all: fixed windows admit at most 2 x limit at once and limit a window, buckets their capacity and their
 * refill. An Envoy knows no plans and no overrides, so that the largest numbers of the policy are those of all keys.
 */
export function shieldBucket({ numbers, plans, overrides }: LimitRule, times: number): Bucket {
  const all = [numbers, ...plans.values(), ...overrides.map((override) => override.numbers)]
  const refill = all.map(refillOf).reduce((a, b) => (perMs(b) > perMs(a) ? b : a))
  const burst = Math.max(1, ...all.map((each) => capacityOf(each).most))
  const capacity = Math.max(burst, Math.ceil(perMs(refill) * slackMs))
  return { capacity: times * capacity, refill: { ...refill, tokens: times * refill.tokens } }
}

function perMs({ tokens, everyMs }: Bucket['refill']): number {
  return tokens / everyMs
}

/** What comes back in which time. A limit of 0 admits nothing, and its shield refills all the same: Envoy wants a rate. */
function refillOf(numbers: LimitNumbers): Bucket['refill'] {
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return { tokens: Math.max(1, numbers.limit), everyMs: numbers.windowMs }
    case 'token_bucket':
      return numbers.refill
    case 'leaky_bucket':
      return { tokens: numbers.rate.requests, everyMs: numbers.rate.everyMs }
  }
}
