import type { LimitNumbers, LimitRule, Limits } from '../../src/model/limit-rule.ts'

/** A rule with the defaults of the model. */
export function limitRule(
  policy: string,
  numbers: LimitNumbers,
  more: Partial<Omit<LimitRule, 'policy' | 'numbers'>> = {},
): LimitRule {
  return {
    policy,
    numbers,
    key: [{ kind: 'header', name: 'x-tenant' }],
    plans: new Map(),
    overrides: [],
    onMissing: 'shared',
    cost: 1,
    mode: 'enforce',
    percent: 100,
    response: { status: 429, headers: {}, body: '' },
    xRateLimitHeaders: false,
    onStoreFailure: 'local',
    ...more,
  }
}

export function fixed(limit: number, windowMs = 10_000): LimitNumbers {
  return { algorithm: 'fixed_window', limit, windowMs }
}

export function limitsOf(rules: readonly LimitRule[], more: Partial<Limits> = {}): Limits {
  return {
    revision: 1,
    gateways: new Set(['edge']),
    rules: new Map(rules.map((rule) => [rule.policy, rule])),
    plans: new Map(),
    credentials: new Set(),
    ...more,
  }
}
