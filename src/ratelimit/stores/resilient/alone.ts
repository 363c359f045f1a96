import { type Micros, rowNumbers } from '../../algorithms/algorithm.ts'
import { type BoundRule, carryOver } from '../../algorithms/bound-rule.ts'
import type { Hit } from '../counter-store.ts'

/** What a replica admitted by itself on one counter, to be added to the store's once. */
export interface Alone {
  /** Grows from one to the next: the store adds none twice. */
  readonly sequence: number
  /** The rule of the share, and what is in use by it. */
  readonly share: BoundRule
  readonly state: unknown
}

/** The counter that it is added to. */
export type Target = Pick<Hit, 'policy' | 'counter' | 'rule' | 'former'>

/**
 * The same under the algorithm of the target, each change of the algorithm since applied at its time, as a store would have
 * carried it over. By `slowed` what all replicas counted alone flows back together as in one counter.
 */
export function carriedOn(
  alone: Alone,
  { rule, former }: Target,
  slowed: (rule: BoundRule) => BoundRule,
  now: Micros,
): Alone {
  if (alone.share.algorithm === rule.algorithm) return alone
  const changes = former?.() ?? []
  const first = changes.findIndex((each) => each.rule.algorithm === alone.share.algorithm)
  const share = slowed(rule)
  // More changes since than are remembered: as though it were changed now.
  if (first === -1) return { ...alone, share, state: carryOver(alone.state, alone.share, share, now) }
  let { state, share: before } = alone
  for (const { next, until } of changes.slice(0, first + 1).reverse()) {
    const after = slowed(next)
    state = carryOver(state, before, after, until)
    before = after
  }
  return { ...alone, share, state }
}

/** A state as a script reads it. */
export function packed({ share, state }: Alone): number[] {
  const row = new Float64Array(rowNumbers)
  share.pack(state, row, 0)
  return [...row]
}
