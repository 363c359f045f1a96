import type { Document } from '../../model/document.ts'
import type { Warning } from '../../model/pending.ts'
import { find, type State } from '../../model/state.ts'
import { escapePointer } from '../../model/walk.ts'
import type { RateLimitSpec } from './schema.ts'

/** Plans and consumers are values here, not references: one that does not exist (yet) is allowed, and told. */
export function warnings({ kind, name, spec }: Document, state: State): Warning[] {
  const { plans = {}, overrides = [] } = spec as RateLimitSpec
  const told = (pointer: string, what: 'Plan' | 'Consumer', value: string): Warning[] => {
    if (find(state, what, value) !== undefined) return []
    const message = `there is no ${what}/${value}`
    return [{ kind, name, pointer, message, effect: 'these numbers are for nobody' }]
  }
  return [
    ...Object.keys(plans).flatMap((plan) => told(`/spec/plans/${escapePointer(plan)}`, 'Plan', plan)),
    ...overrides.flatMap(({ match: { consumer, plan } }, index) => {
      const pointer = `/spec/overrides/${index}/match`
      if (typeof consumer === 'string') return told(`${pointer}/consumer`, 'Consumer', consumer)
      return typeof plan === 'string' ? told(`${pointer}/plan`, 'Plan', plan) : []
    }),
  ]
}
