import type { LimitRule } from '../../model/limit-rule.ts'
import type { Algorithm } from './algorithm.ts'
import { fixedWindow } from './fixed_window/step.ts'

/** An algorithm with its rule bound, so that a counter needs to know neither. */
export interface BoundRule {
  readonly algorithm: LimitRule['algorithm']
  readonly step: (
    state: unknown,
    cost: number,
    now: number,
  ) => ReturnType<Algorithm<unknown, unknown>['step']>
  readonly standing: (state: unknown, now: number) => ReturnType<Algorithm<unknown, unknown>['standing']>
  readonly expiresAt: (state: unknown) => number
  readonly quota: ReturnType<Algorithm<unknown, unknown>['quota']>
}

/** The algorithm of a rule, with the rule in the algorithm's own units. */
export function bindRule(rule: LimitRule): BoundRule {
  switch (rule.algorithm) {
    case 'fixed_window':
      return bind(rule.algorithm, fixedWindow, { limit: rule.limit, window: rule.windowMs * 1_000 })
  }
}

function bind<Rule, State>(
  name: LimitRule['algorithm'],
  algorithm: Algorithm<Rule, State>,
  rule: Rule,
): BoundRule {
  return {
    algorithm: name,
    step: (state, cost, now) => algorithm.step(state as State | undefined, rule, cost, now),
    standing: (state, now) => algorithm.standing(state as State | undefined, rule, now),
    expiresAt: (state) => algorithm.expiresAt(state as State),
    quota: algorithm.quota(rule),
  }
}
