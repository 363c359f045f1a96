import { type Static, Type } from 'typebox'
import { capacityOf } from '../model/capacity.ts'
import { durationText } from '../model/duration.ts'
import type { LimitNumbers } from '../model/limit-rule.ts'
import type { LocalLimit as CountedLocally } from '../policies/rate-limit/local/limit.ts'
import type { CounterReport } from '../ratelimit/counters/counter-desk.ts'
import { seconds } from '../ratelimit/decision/headers.ts'
import type { BusyKey, Verdict } from '../ratelimit/decision/verdict.ts'

const Part = Type.Object({
  part: Type.String({ description: 'As in `header:x-tenant`, `client_ip`.' }),
  value: Type.Optional(Type.String({ description: 'Left out where it is hidden or missing.' })),
  hidden: Type.Optional(Type.Literal(true, { description: 'It is a credential.' })),
  missing: Type.Optional(Type.Literal(true, { description: 'The request had no such part.' })),
})

const Numbers = Type.Object(
  { algorithm: Type.Enum(['fixed_window', 'sliding_window', 'token_bucket', 'leaky_bucket']) },
  { additionalProperties: true, description: 'The numbers in force for the key, as in a RateLimitPolicy.' },
)

const counterFields = {
  id: Type.String({ description: 'The counter’s id.' }),
  parts: Type.Optional(
    Type.Array(Part, {
      description: 'What it counts by, as far as that may be shown; nothing where it is not known.',
    }),
  ),
  state: Type.Enum(['throttled', 'close', 'free'], {
    description: 'Nothing is left; a fifth is left at most; more is left.',
  }),
  used: Type.Integer({ description: 'Cost in use, beyond the limit where that was lowered.' }),
  limit: Type.Integer({ description: 'What fits: the limit, the capacity, or the queue and one.' }),
  remaining: Type.Integer({ description: 'Cost that is still admitted now.' }),
  reset: Type.Integer({
    description: 'Seconds until the window ends, the bucket is full or its queue is empty.',
  }),
  numbers: Numbers,
}

export const Counter = Type.Object(counterFields, {
  title: 'Counter',
  description: 'A counter as it is now.',
})

const { state, used, remaining, reset } = counterFields

export const BusyCounter = Type.Object(
  {
    ...counterFields,
    state: Type.Optional(state),
    used: Type.Optional(used),
    remaining: Type.Optional(remaining),
    reset: Type.Optional(reset),
    recent: Type.Object(
      {
        admitted: Type.Number({ description: 'Cost admitted.' }),
        denied: Type.Number({ description: 'Cost refused.' }),
        error: Type.Number({ description: 'By how much the two together may be too low.' }),
      },
      { description: 'What came in the last minutes: counts halve each minute.' },
    ),
  },
  {
    title: 'BusyCounter',
    description:
      'A counter that is much used. `state`, `used`, `remaining` and `reset` are left out where it cannot be read, as while ' +
      'the store is away.',
  },
)

export const PolicyVerdict = Type.Object(
  {
    policy: Type.String(),
    key: Type.Union([
      Type.Object(
        { id: Type.String(), parts: Type.Array(Part) },
        { description: 'The counter that it asks.' },
      ),
      Type.Null(),
    ]),
    allowed: Type.Boolean({ description: 'Whether it lets the request pass. One in shadow always does.' }),
    result: Type.Enum(['admitted', 'denied', 'skipped', 'unknown'], { description: 'What it says.' }),
    enforced: Type.Boolean({
      description: 'Whether that counts; it does not where the policy is in shadow.',
    }),
    reason: Type.String({ description: 'Why, for people.' }),
    cost: Type.Optional(Type.Integer({ description: 'What the request costs.' })),
    numbers: Type.Optional(Numbers),
    from: Type.Optional(
      Type.String({ description: 'Where the numbers come from: `policy`, `plan gold`, `override 3`.' }),
    ),
    unit: Type.Optional(
      Type.Enum(['1us', '1ms', '1s'], { description: 'Down to what the clock is read for it.' }),
    ),
    limit: Type.Optional(counterFields.limit),
    remaining: Type.Optional(counterFields.remaining),
    reset: Type.Optional(counterFields.reset),
    delayMs: Type.Optional(
      Type.Integer({ description: 'Milliseconds for which the request waits for its turn.' }),
    ),
    retryAfter: Type.Optional(
      Type.Union([Type.Integer(), Type.Null()], {
        description: 'Seconds after which it would be admitted; null where waiting does not help.',
      }),
    ),
  },
  { title: 'PolicyVerdict', description: 'What one policy says to a request.' },
)

const { policy, enforced } = PolicyVerdict.properties

export const LocalLimit = Type.Object(
  {
    policy,
    role: Type.Enum(['limit', 'shield'], {
      description: 'The limit itself, or what holds floods off a limit that the fleet counts together.',
    }),
    enforced,
    capacity: Type.Integer({ description: 'Tokens of a full bucket, of each key and Envoy.' }),
    refill: Type.Object({ tokens: Type.Integer(), every: Type.String() }),
  },
  {
    title: 'LocalLimit',
    description: 'What each Envoy counts by itself. weir knows no counters of it, and does not judge by it.',
  },
)

export type LocalLimit = Static<typeof LocalLimit>
export type Counter = Static<typeof Counter>
export type BusyCounter = Static<typeof BusyCounter>
export type PolicyVerdict = Static<typeof PolicyVerdict>

/** A counter for its answer; an idle one has everything left. */
export function counterJson({ key: { id, parts }, numbers, view }: CounterReport): Counter {
  const limit = capacityOf(numbers).most
  const { used, remaining, resetAfter } = view ?? { used: 0, remaining: limit, resetAfter: 0 }
  return {
    id,
    ...(parts !== undefined && { parts }),
    state: remaining === 0 ? 'throttled' : remaining <= limit / 5 ? 'close' : 'free',
    ...{ used, limit, remaining, reset: seconds(resetAfter) },
    numbers: written(numbers),
  }
}

export function busyCounterJson(busy: BusyKey): BusyCounter {
  const { admitted, denied, error, view } = busy
  const recent = { admitted, denied, error }
  if (view !== null) return { ...counterJson({ ...busy, view }), recent }
  const { id, parts, limit, numbers } = counterJson({ ...busy, view: undefined })
  return { id, ...(parts !== undefined && { parts }), limit, numbers, recent }
}

const units: Readonly<Record<number, '1us' | '1ms' | '1s'>> = { 1: '1us', 1000: '1ms', 1000000: '1s' }

export function verdictJson(verdict: Verdict): PolicyVerdict {
  const { policy, key = null, result, enforced, reason } = verdict
  const { cost, numbers, from, unit, standing, delay = 0, retryAfter } = verdict
  return {
    ...{ policy, key, allowed: result !== 'denied' || !enforced, result, enforced, reason },
    ...(cost !== undefined && { cost }),
    ...(numbers !== undefined && { numbers: written(numbers), limit: capacityOf(numbers).most }),
    ...(from !== undefined && { from }),
    ...(unit !== undefined && { unit: units[unit]! }),
    ...(standing !== undefined && { remaining: standing.remaining, reset: seconds(standing.resetAfter) }),
    ...(delay > 0 && { delayMs: Math.ceil(delay / 1_000) }),
    ...(retryAfter !== undefined && {
      retryAfter: retryAfter === null ? null : Math.max(1, seconds(retryAfter)),
    }),
  }
}

export function localLimitJson({ rule, role, shadow, bucket }: CountedLocally): LocalLimit {
  const { tokens, everyMs } = bucket.refill
  const refill = { tokens, every: durationText(everyMs) }
  return { policy: rule.policy, role, enforced: !shadow, capacity: bucket.capacity, refill }
}

/** As a policy has them. */
function written(numbers: LimitNumbers): Static<typeof Numbers> & Record<string, unknown> {
  const { algorithm } = numbers
  switch (algorithm) {
    case 'token_bucket': {
      const { tokens, everyMs } = numbers.refill
      return { algorithm, capacity: numbers.capacity, refill: { tokens, every: durationText(everyMs) } }
    }
    case 'leaky_bucket': {
      const { requests, everyMs } = numbers.rate
      return { algorithm, queue: numbers.queue, rate: { requests, every: durationText(everyMs) } }
    }
    default:
      return { algorithm, limit: numbers.limit, window: durationText(numbers.windowMs) }
  }
}
