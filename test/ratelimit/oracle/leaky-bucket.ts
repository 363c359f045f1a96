import {
  add,
  atLeast,
  ceiling,
  type Fraction,
  fraction,
  larger,
  roundUp,
  subtract,
  times,
  zero,
} from './fraction.ts'
import type { Event, Law, LeakyBucketRule } from './rule.ts'

type Events = readonly Event<LeakyBucketRule>[]

/** Leaky bucket: an admitted request takes the earliest free turns, one every T, and waits for the first of them. */
export const leakyBucket: Law<LeakyBucketRule> = {
  most: ({ queue }) => queue + 1n,
  admits: (events, rule, cost, now) =>
    atLeast(turns(rule.queue, rule), add(wait(events, now), turns(cost - 1n, rule))),
  wait: (events, rule, cost, now) =>
    subtract(add(wait(events, now), turns(cost - 1n, rule)), turns(rule.queue, rule)),
  delay: (events, _rule, cost, now) => (cost === 0n ? zero : wait(events, now)),
  used: (events, rule, now) => ceiling(inTurns(wait(events, now), rule)),
  remaining: (events, rule, now) => subtract(fraction(rule.queue + 1n), inTurns(wait(events, now), rule)),
  reset: (events, _rule, now) => wait(events, now),
  span: (rule) => turns(rule.queue + 1n, rule),
}

/** wait = max(0, next - now), where `next` follows from every turn that was given. */
function wait(events: Events, now: bigint): Fraction {
  const first = events[0]
  return first === undefined ? zero : larger(zero, subtract(nextFree(events), fraction(now)))
}

function nextFree(events: Events): Fraction {
  let next = zero
  for (const event of events) {
    const waiting = larger(zero, subtract(next, fraction(event.at)))
    if ('cost' in event) next = add(add(fraction(event.at), waiting), turns(event.cost, event.rule))
    else next = edited(waiting, event.at, event.after)
  }
  return next
}

/** Waits keep their time, in whole parts of a tick / requests', rounded up. */
function edited(waiting: Fraction, at: bigint, { rate, unit }: LeakyBucketRule): Fraction {
  return add(fraction(at - (at % unit)), roundUp(waiting, fraction(unit, rate.requests)))
}

function turns(count: bigint, { rate }: LeakyBucketRule): Fraction {
  return fraction(count * rate.every, rate.requests)
}

function inTurns(time: Fraction, { rate }: LeakyBucketRule): Fraction {
  return times(time, fraction(rate.requests, rate.every))
}
