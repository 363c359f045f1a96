import { breakersOver } from '../compile/breakers.ts'
import { limitsOver } from '../compile/limits.ts'
import { nothingStaged, type StagedGateways, statesIn } from '../feed/staged.ts'
import type { BreakerRule } from '../model/breaker-rule.ts'
import type { Limits } from '../model/limit-rule.ts'
import { emptyState, type State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { createHeldRows, type HeldRowsOptions } from './held-rows.ts'

/**
 * The limits and breakers of a replica that serves no Envoys: it decides by the forms that the Envoys have, and they ask by,
 * whatever is written.
 */
export async function createHeldLimits(options: {
  table: HeldRowsOptions['table']
  setLimits(limits: Limits): void
  setBreakers(rules: ReadonlyMap<string, BreakerRule>): void
  observe: Observe
}) {
  const { table, setLimits, setBreakers, observe } = options
  let newest = emptyState
  let others: State[] = []
  const set = () => {
    const states = others.map(rows.of)
    setLimits(limitsOver(rows.of(newest), states))
    setBreakers(breakersOver(rows.of(newest), states))
  }
  const onChange = () => {
    if (newest !== emptyState) set()
  }
  // Private keys are the Envoys'.
  const rows = await createHeldRows({ table, secretTexts: async () => new Map(), onChange, observe })
  return {
    serve(state: State, staged: StagedGateways = nothingStaged): void {
      newest = state
      others = statesIn(staged)
      set()
    },
    hint: rows.hint,
    close: rows.close,
  }
}
