import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { type BoundRule, bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Former, Hit } from '../../src/ratelimit/stores/counter-store.ts'
import { createMemoryStore } from '../../src/ratelimit/stores/memory/memory-store.ts'
import { counterId, each } from '../support/hits.ts'
import { createPlainStore } from './oracle/plain-store.ts'

const policy = fc.nat(2)
const key = fc.constantFrom('a', 'b', 'c')
const cost = fc.integer({ min: 0, max: 3 })
const numbers = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(1, 3, 20), fc.nat(3))
  .map(([amount, ms, algorithm]) => each(amount, ms)[algorithm]!)
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
  /** Names the counters under one algorithm. */
  family: string
  former: { family: string; rule: BoundRule; until: number; next: BoundRule }[]
}

const start = 1_700_000_000_000_000
/** Longer than anything above takes to be idle. */
const longest = 2 * 5 * 20_000

describe('the memory store, against a map that forgets nothing', () => {
  test('answers the same, over edits, changes of the algorithm, resets and grants', () => {
    const seen = { takes: 0, denied: 0, edits: 0, carried: 0, swept: 0 }
    const property = fc.property(
      fc.array(numbers, { minLength: 3, maxLength: 3 }),
      fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
      (first, steps) => play(first, steps, seen),
    )
    fc.assert(property, { numRuns: process.env.WEIR_LONG === '1' ? 20_000 : 500 })
    for (const [name, count] of Object.entries(seen)) assert.ok(count > 100, `${name}: ${count}`)
  })
})

function play(first: readonly LimitNumbers[], steps: readonly Step[], seen: Record<string, number>): void {
  let now = start
  const clock = () => now
  const store = createMemoryStore({ clock, maxCounters: 1_000_000 })
  const plain = createPlainStore(clock)
  const rules = first.map((each, index): InForce => {
    return { bound: bindRule(each), family: `p${index}/0`, former: [] }
  })
  const counterOf = (index: number, key: string) => counterId(`${rules[index]!.family}/${key}`)
  const hitsOf = (asked: { policy: number; key: string; cost: number; enforced: boolean }[]): Hit[] =>
    asked.map(({ policy, key, ...each }) => {
      const former = (): Former[] =>
        rules[policy]!.former.map(({ family, ...rest }) => ({
          counter: counterId(`${family}/${key}`),
          ...rest,
        }))
      const { bound } = rules[policy]!
      const overflow = counterId('unused')
      return { counter: counterOf(policy, key), overflow, policy: `p${policy}`, rule: bound, former, ...each }
    })
  for (const asked of steps) {
    now += asked.after
    switch (asked.kind) {
      case 'take': {
        const all = hitsOf(asked.hits)
        const size = store.size()
        const taken = store.take(all)
        assert.deepEqual(taken, plain.take(all))
        seen.takes!++
        seen.swept! += Number(store.size() < size)
        seen.denied! += Number(!taken.admitted)
        break
      }
      case 'look': {
        const size = store.size()
        assert.deepEqual(store.look(hitsOf(asked.hits)), plain.look(hitsOf(asked.hits)))
        assert.equal(store.size(), size)
        break
      }
      case 'peek': {
        const { bound } = rules[asked.policy]!
        const counter = counterOf(asked.policy, asked.key)
        assert.deepEqual(store.peek(`p${asked.policy}`, counter, bound), plain.peek(counter, bound))
        break
      }
      case 'reset': {
        const { bound } = rules[asked.policy]!
        const counter = counterOf(asked.policy, asked.key)
        const used = plain.peek(counter, bound) !== undefined
        assert.ok(store.reset(`p${asked.policy}`, counter) || !used)
        plain.reset(counter)
        break
      }
      case 'grant': {
        const { bound } = rules[asked.policy]!
        const counter = counterOf(asked.policy, asked.key)
        const used = plain.peek(counter, bound) !== undefined
        assert.equal(store.grant(`p${asked.policy}`, counter, bound, asked.cost), used)
        plain.grant(counter, bound, asked.cost)
        break
      }
      case 'edit': {
        edit(rules, asked, now, seen)
        store.keep(`p${asked.policy}`, now + longest)
        break
      }
    }
  }
}

function edit(
  rules: InForce[],
  { policy, numbers }: { policy: number; numbers: LimitNumbers },
  now: number,
  seen: Record<string, number>,
): void {
  const { bound, family, former } = rules[policy]!
  seen.edits!++
  if (bound.algorithm === numbers.algorithm) {
    rules[policy]!.bound = bindRule(numbers, { replaced: { bound, at: now } })
    return
  }
  seen.carried!++
  const next = bindRule(numbers)
  rules[policy] = {
    bound: next,
    family: `p${policy}/${Number(family.split('/')[1]) + 1}`,
    former: [{ family, rule: bound, until: now, next }, ...former],
  }
}
