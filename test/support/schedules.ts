import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { type BoundRule, bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { CounterStore, Former, Hit } from '../../src/ratelimit/stores/counter-store.ts'
import { createPlainStore } from '../ratelimit/oracle/plain-store.ts'
import { counterId, counterUnder, each } from './hits.ts'

const policy = fc.nat(2)
const key = fc.constantFrom('a', 'b', 'c')
const cost = fc.integer({ min: 0, max: 3 })
const numbersOf = (algorithm: fc.Arbitrary<number>) =>
  fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(1, 3, 20), algorithm)
    .map(([amount, ms, index]) => each(amount, ms)[index]!)
const numbers = numbersOf(fc.nat(3))
const after = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 6_000 }),
  fc.integer({ max: 60_000, min: 0 }),
)
const hits = fc.array(fc.record({ policy, key, cost, enforced: fc.boolean() }), {
  minLength: 1,
  maxLength: 4,
})

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('take' as const), after, hits }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('look' as const), after, hits }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('peek' as const), after, policy, key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), after, policy, key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('grant' as const), after, policy, key, cost }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('edit' as const), after, policy, numbers }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** A policy's rule in force, as the service keeps it. */
interface InForce {
  bound: BoundRule
  /** The algorithms before, newest first. */
  former: { rule: BoundRule; until: number; next: BoundRule }[]
}

const start = 1_700_000_000_000_000
/** Longer than anything above takes to be idle. */
const longest = 2 * 5 * 20_000

/** Three policies, and what is asked of their counters. */
export interface Schedule {
  first: readonly LimitNumbers[]
  steps: readonly Step[]
}

/** Any schedule; or one that begins with policies of one algorithm, counted from 0. */
export function schedules(algorithm?: number): fc.Arbitrary<Schedule> {
  const begun = algorithm === undefined ? numbers : numbersOf(fc.constant(algorithm))
  return fc.record({
    first: fc.array(begun, { minLength: 3, maxLength: 3 }),
    steps: fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
  })
}

/** What came up in schedules. */
export type Seen = Record<'takes' | 'denied' | 'edits' | 'carried', number>

/**
 * Plays a schedule on a store, and on a map that forgets nothing: every answer is the same. `prefix` makes its counters
 * its own in a store that others use, too. One whose denied requests write nothing (`isLazy`) leaves counters under earlier
 * algorithms: for it no policy gets one again that it had before, since a counter that is there is taken as it is.
 */
export async function play(
  { first, steps }: Schedule,
  open: (clock: () => number) => CounterStore,
  seen: Seen,
  prefix = '',
  isLazy = false,
): Promise<void> {
  let now = start
  const clock = () => now
  const store = open(clock)
  const plain = createPlainStore(clock)
  const rules = first.map((each): InForce => ({ bound: bindRule(each), former: [] }))
  const idOf = (index: number, key: string, { algorithm }: BoundRule) =>
    counterUnder(`${prefix}p${index}/${key}`, algorithm)
  const counterOf = (index: number, key: string) => idOf(index, key, rules[index]!.bound)
  const formerOf = (index: number, key: string): Former[] =>
    rules[index]!.former.map((each) => ({ counter: idOf(index, key, each.rule), ...each }))
  const hitsOf = (asked: { policy: number; key: string; cost: number; enforced: boolean }[]): Hit[] =>
    asked.map(({ policy, key, ...each }) => {
      const former = () => formerOf(policy, key)
      const { bound } = rules[policy]!
      const overflow = counterId('unused')
      return { counter: counterOf(policy, key), overflow, policy: `p${policy}`, rule: bound, former, ...each }
    })
  for (const asked of steps) {
    now += asked.after
    switch (asked.kind) {
      case 'take': {
        const all = hitsOf(asked.hits)
        const taken = await store.take(all)
        assert.deepEqual(taken, plain.take(all))
        seen.takes++
        seen.denied += Number(!taken.admitted)
        break
      }
      case 'look': {
        assert.deepEqual(await store.look(hitsOf(asked.hits)), plain.look(hitsOf(asked.hits)))
        break
      }
      case 'peek': {
        const { bound } = rules[asked.policy]!
        const counter = counterOf(asked.policy, asked.key)
        const former = formerOf(asked.policy, asked.key)
        const view = await store.peek(`p${asked.policy}`, counter, bound, former)
        assert.deepEqual(view, plain.peek(counter, bound, former))
        break
      }
      case 'reset': {
        const { bound } = rules[asked.policy]!
        const counter = counterOf(asked.policy, asked.key)
        const used = plain.peek(counter, bound) !== undefined
        const was = await store.reset(`p${asked.policy}`, counter, bound)
        assert.ok(was || !used || isLazy)
        plain.reset(counter)
        for (const earlier of formerOf(asked.policy, asked.key)) {
          await store.reset(`p${asked.policy}`, earlier.counter, earlier.rule)
          plain.reset(earlier.counter)
        }
        break
      }
      case 'grant': {
        const { bound } = rules[asked.policy]!
        const counter = counterOf(asked.policy, asked.key)
        const former = formerOf(asked.policy, asked.key)
        const used = plain.peek(counter, bound, former) !== undefined
        assert.equal(await store.grant(`p${asked.policy}`, counter, bound, asked.cost, former), used)
        plain.grant(counter, bound, asked.cost, former)
        break
      }
      case 'edit': {
        const { bound, former } = rules[asked.policy]!
        const { algorithm } = asked.numbers
        const isReturning =
          bound.algorithm !== algorithm && former.some(({ rule }) => rule.algorithm === algorithm)
        if (isReturning && isLazy) break
        edit(rules, asked, now, seen)
        store.keep(`p${asked.policy}`, longest)
        break
      }
    }
  }
}

function edit(
  rules: InForce[],
  { policy, numbers }: { policy: number; numbers: LimitNumbers },
  now: number,
  seen: Seen,
): void {
  const { bound, former } = rules[policy]!
  seen.edits++
  if (bound.algorithm === numbers.algorithm) {
    rules[policy]!.bound = bindRule(numbers, { replaced: { bound, at: now } })
    return
  }
  seen.carried++
  const next = bindRule(numbers)
  rules[policy] = { bound: next, former: [{ rule: bound, until: now, next }, ...former] }
}
