import type { LimitRule, Limits } from '../model/limit-rule.ts'
import { find, type State } from '../model/state.ts'
import type { GatewayContext } from '../policies/policy-kind.ts'
import type { GatewayRoute } from './routing/routes-of.ts'

/** The rules by which the rate-limit service answers this gateway's Envoys: those that its routes name. */
export function limitsOf(state: State, gateway: GatewayContext, routes: readonly GatewayRoute[]): Limits {
  const rules = new Map<string, LimitRule>()
  for (const { policies } of routes) {
    for (const { kind, named } of policies) {
      for (const { name } of named) {
        const row = find(state, kind.kind, name)
        const rule = row === undefined ? undefined : kind.limitRule?.(row.document)
        if (rule !== undefined) rules.set(name, rule)
      }
    }
  }
  return { gateway: gateway.name, revision: state.revision, rules }
}
