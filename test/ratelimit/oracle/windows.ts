import { ceiling, type Fraction, fraction, subtract, zero } from './fraction.ts'
import type { Event, Law, WindowRule } from './rule.ts'

type Events = readonly Event<WindowRule>[]

/** Fixed window: what was admitted since the window's start, aligned to the Unix epoch. */
export const fixedWindow: Law<WindowRule> = {
  most: ({ limit }) => limit,
  admits: (events, { limit, window }, cost, now) => sumSince(events, startOf(now, window)) + cost <= limit,
  wait: (_events, { window }, _cost, now) => untilEnd(now, window),
  delay: () => zero,
  used: (events, { window }, now) => sumSince(events, startOf(now, window)),
  remaining: (events, { limit, window }, now) => fraction(limit - sumSince(events, startOf(now, window))),
  reset: (_events, { window }, now) => untilEnd(now, window),
  span: ({ window }) => fraction(window),
}

/** Sliding window: the window before counts for the part of it that the last `window` still covers. */
export const slidingWindow: Law<WindowRule> = {
  most: ({ limit }) => limit,
  admits(events, { limit, window }, cost, now) {
    const { previous, current, elapsed } = split(events, window, now)
    return previous * (window - elapsed) + (current + cost) * window <= limit * window
  },
  // The estimate only falls while nothing comes, so the earliest tick is found by halving.
  wait(events, rule, cost, now) {
    let refused = 0n
    let admitted = (2n * rule.window) / rule.unit + 1n
    while (admitted - refused > 1n) {
      const middle = (admitted + refused) / 2n
      if (slidingWindow.admits(events, rule, cost, now + middle * rule.unit)) admitted = middle
      else refused = middle
    }
    return fraction(admitted * rule.unit)
  },
  delay: () => zero,
  used: (events, { window }, now) => ceiling(estimate(events, window, now)),
  remaining: (events, { limit, window }, now) => subtract(fraction(limit), estimate(events, window, now)),
  reset: (_events, { window }, now) => untilEnd(now, window),
  span: ({ window }) => fraction(window),
}

function estimate(events: Events, window: bigint, now: bigint): Fraction {
  const { previous, current, elapsed } = split(events, window, now)
  return fraction(previous * (window - elapsed) + current * window, window)
}

function split(events: Events, window: bigint, now: bigint) {
  const start = startOf(now, window)
  const current = sumSince(events, start)
  return { previous: sumSince(events, start - window) - current, current, elapsed: now - start }
}

function sumSince(events: Events, start: bigint): bigint {
  let sum = 0n
  for (const event of events) if ('cost' in event && event.at >= start) sum += event.cost
  return sum
}

function startOf(now: bigint, window: bigint): bigint {
  return now - (now % window)
}

function untilEnd(now: bigint, window: bigint): Fraction {
  return fraction(startOf(now, window) + window - now)
}
