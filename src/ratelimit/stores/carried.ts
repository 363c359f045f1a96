import { carryOver } from '../algorithms/bound-rule.ts'
import type { Former } from './counter-store.ts'

/**
 * The newest counter of a key's earlier ones as the key's own, each change of the algorithm applied at its time; nothing
 * where `read` finds none of them.
 */
export function carried(
  former: readonly Former[],
  read: (former: Former) => unknown,
): { from: Former; state: unknown } | undefined {
  for (const [index, from] of former.entries()) {
    let state = read(from)
    if (state === undefined) continue
    for (let step = index; step >= 0; step--) {
      const { rule, next, until } = former[step]!
      state = carryOver(state, rule, next, until)
    }
    return { from, state }
  }
  return undefined
}
