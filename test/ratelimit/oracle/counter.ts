import { ceiling, type Fraction, floor } from './fraction.ts'
import { leakyBucket } from './leaky-bucket.ts'
import type { Event, Law, LeakyBucketRule, Rule, TokenBucketRule } from './rule.ts'
import { tokenBucket } from './token-bucket.ts'
import { fixedWindow, slidingWindow } from './windows.ts'

/** A counter as the oracle keeps it: everything that it admitted, and the largest time that it saw. */
export interface Counter {
  rule: Rule
  /** Microseconds, rounded down to the unit. */
  latest: bigint
  events: Event<Rule>[]
}

export interface Verdict {
  admitted: boolean
  /** Microseconds to the tick that would admit this cost; 0 where admitted, null where none ever would. */
  retryAfter: bigint | null
  /** Microseconds for which an admitted request waits. */
  delay: Fraction
}

export interface Shown {
  remaining: bigint
  /** Microseconds. */
  reset: Fraction
}

/**
 * The counter at a request: its rule is the one now in force, its time the largest ever seen. A rule that differs from
 * the counter's came at `editedAt` (microseconds), or right after the last request where that is left out.
 */
export function touched(counter: Counter | undefined, rule: Rule, clock: bigint, editedAt?: bigint): Counter {
  const reading = roundDown(clock, rule.unit)
  if (counter === undefined) return { rule, latest: reading, events: [] }
  if (same(counter.rule, rule)) return { ...counter, latest: later(reading, counter.latest) }
  const edit = later(counter.latest, roundDown(editedAt ?? 0n, counter.rule.unit))
  const events = eventsUnder(counter, rule, edit)
  return { rule, latest: later(reading, roundDown(edit, rule.unit)), events }
}

/** What the counter says to a cost, taking nothing. */
export function judge({ events, rule, latest }: Counter, cost: bigint): Verdict {
  const law = lawOf(rule)
  const delay = law.delay(events, rule, cost, latest)
  if (law.admits(events, rule, cost, latest)) return { admitted: true, retryAfter: 0n, delay }
  if (cost > law.most(rule)) return { admitted: false, retryAfter: null, delay }
  const { numerator, denominator } = law.wait(events, rule, cost, latest)
  const ticks = ceiling({ numerator, denominator: denominator * rule.unit })
  return { admitted: false, retryAfter: ticks * rule.unit, delay }
}

/** The counter after an admitted cost. Cost 0 consumes nothing. */
export function taken(counter: Counter, cost: bigint): Counter {
  if (cost === 0n) return counter
  const { rule, latest } = counter
  return { ...counter, events: [...counter.events, { at: latest, cost, rule }] }
}

export function shown({ events, rule, latest }: Counter): Shown {
  const law = lawOf(rule)
  const remaining = floor(law.remaining(events, rule, latest))
  return { remaining: remaining < 0n ? 0n : remaining, reset: law.reset(events, rule, latest) }
}

/** Microseconds of the rule's window, or to full. */
export function spanOf(rule: Rule): Fraction {
  return lawOf(rule).span(rule)
}

/** q of section 3: the limit, the capacity, or queue + 1. */
export function quotaOf(rule: Rule): bigint {
  return lawOf(rule).most(rule)
}

function eventsUnder({ rule: before, events }: Counter, rule: Rule, edit: bigint): Event<Rule>[] {
  if (carriesOver(before, rule)) {
    const used = lawOf(before).used(events, before, edit)
    const cost = 'window' in rule || used < quotaOf(rule) ? used : quotaOf(rule)
    return cost > 0n ? [{ at: roundDown(edit, rule.unit), cost, rule }] : []
  }
  if ('window' in rule || events.length === 0) return events
  return [...events, { at: edit, before, after: rule }]
}

function carriesOver(before: Rule, after: Rule): boolean {
  if (before.algorithm !== after.algorithm) return true
  return 'window' in before && 'window' in after && before.window !== after.window
}

function same(a: Rule, b: Rule): boolean {
  const text = (rule: Rule) =>
    JSON.stringify(rule, (_name, value) => (typeof value === 'bigint' ? String(value) : value))
  return text(a) === text(b)
}

function lawOf(rule: Rule): Law<Rule> {
  switch (rule.algorithm) {
    case 'fixed_window':
      return fixedWindow as Law<Rule>
    case 'sliding_window':
      return slidingWindow as Law<Rule>
    case 'token_bucket':
      return tokenBucket as Law<TokenBucketRule> as Law<Rule>
    case 'leaky_bucket':
      return leakyBucket as Law<LeakyBucketRule> as Law<Rule>
  }
}

/** The larger of two times. */
export function later(a: bigint, b: bigint): bigint {
  if (a < b) return b
  return a
}

function roundDown(time: bigint, unit: bigint): bigint {
  return time - (time % unit)
}
