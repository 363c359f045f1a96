import { createHash } from 'node:crypto'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import { type AlgorithmName, type BoundRule, bindRule } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { CounterId } from '../../src/ratelimit/identity/counter-id.ts'
import { counterGroup } from '../../src/ratelimit/identity/counter-identity.ts'
import type { Hit } from '../../src/ratelimit/stores/counter-store.ts'

/** An id like those of the service: the same text has the same, and its bits are as chance would have them. */
export function counterId(text: string): CounterId {
  const hash = createHash('sha256').update(text).digest()
  return { a: hash.readInt32LE(0), b: hash.readInt32LE(4), c: hash.readInt32LE(8), d: hash.readInt32LE(12) }
}

/** As `counterId`, of one group with those of the same text under other algorithms. */
export function counterUnder(text: string, algorithm: AlgorithmName): CounterId {
  return counterGroup(counterId(text), algorithm)
}

/** One of each algorithm, idle again after ten times the milliseconds at most. */
export function each(amount: number, ms: number): LimitNumbers[] {
  return [
    { algorithm: 'fixed_window', limit: amount, windowMs: ms },
    { algorithm: 'sliding_window', limit: amount, windowMs: ms },
    { algorithm: 'token_bucket', capacity: amount, refill: { tokens: 1, everyMs: ms } },
    { algorithm: 'leaky_bucket', queue: amount - 1, rate: { requests: 1, everyMs: ms } },
  ]
}

/** An enforced hit of cost 1 on the policy's counter of that name. */
export function hitOn(name: string, numbers: LimitNumbers | BoundRule, more: Partial<Hit> = {}): Hit {
  const policy = more.policy ?? 'p'
  return {
    counter: counterId(`${policy}/${name}`),
    overflow: counterId(`${policy} and all others`),
    policy,
    rule: 'at' in numbers ? numbers : bindRule(numbers),
    cost: 1,
    enforced: true,
    ...more,
  }
}
