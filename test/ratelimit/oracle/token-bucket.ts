import {
  add,
  atLeast,
  type Fraction,
  floor,
  fraction,
  roundUp,
  smaller,
  subtract,
  times,
} from './fraction.ts'
import type { Event, Law, TokenBucketRule } from './rule.ts'

/** Token bucket: starts full, refills continuously up to its capacity, and an admitted cost is taken out. */
export const tokenBucket: Law<TokenBucketRule> = {
  most: ({ capacity }) => capacity,
  admits: (events, rule, cost, now) => atLeast(tokens(events, rule, now), fraction(cost)),
  wait: (events, rule, cost, now) => timeFor(subtract(fraction(cost), tokens(events, rule, now)), rule),
  delay: () => fraction(0n),
  used: (events, rule, now) => rule.capacity - floor(tokens(events, rule, now)),
  remaining: (events, rule, now) => tokens(events, rule, now),
  reset: (events, rule, now) => timeFor(subtract(fraction(rule.capacity), tokens(events, rule, now)), rule),
  span: (rule) => timeFor(fraction(rule.capacity), rule),
}

function tokens(events: readonly Event<TokenBucketRule>[], rule: TokenBucketRule, now: bigint): Fraction {
  let held = fraction((events[0] === undefined ? rule : ruleOf(events[0])).capacity)
  let since = events[0]?.at ?? now
  for (const event of events) {
    held = refilled(held, ruleOf(event), event.at - since)
    since = event.at
    if ('cost' in event) {
      held = subtract(held, fraction(event.cost))
    } else {
      held = edited(held, event.before, event.after)
      since -= since % event.after.unit
    }
  }
  return refilled(held, rule, now - since)
}

function ruleOf(event: Event<TokenBucketRule>): TokenBucketRule {
  return 'cost' in event ? event.rule : event.before
}

function refilled(held: Fraction, { capacity, refill }: TokenBucketRule, elapsed: bigint): Fraction {
  return smaller(fraction(capacity), add(held, fraction(refill.tokens * elapsed, refill.every)))
}

/** tokens' = tokens + capacity' - capacity; what is missing is kept in whole parts of 1 / every', rounded up. */
function edited(held: Fraction, before: TokenBucketRule, after: TokenBucketRule): Fraction {
  const missing = subtract(fraction(before.capacity), held)
  const grain = fraction(after.unit, after.refill.every)
  return subtract(fraction(after.capacity), roundUp(missing, grain))
}

function timeFor(count: Fraction, { refill }: TokenBucketRule): Fraction {
  return times(count, fraction(refill.every, refill.tokens))
}
