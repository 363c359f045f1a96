import type { LimitRule, RequestPart } from '../../model/limit-rule.ts'
import type { Micros } from '../algorithms/algorithm.ts'

/** A rule, and when it came into force. */
export interface Edit {
  readonly rule: LimitRule
  readonly at: Micros
}

const format = 1

/** A rule as text: equal for equal rules. */
export function ruleText(rule: LimitRule): string {
  return JSON.stringify({ ...rule, plans: [...rule.plans] })
}

/**
 * The edits of each policy as JSON, for a file. Overrides whose values are secret are left out: their requests are read by
 * the policy's own numbers there.
 */
export function savedRules(
  edits: ReadonlyMap<string, readonly Edit[]>,
  isSecret: (part: RequestPart) => boolean,
): string {
  const policies = [...edits].map(([policy, list]) => {
    const saved = (rule: LimitRule) => ({
      ...rule,
      plans: [...rule.plans],
      overrides: rule.overrides.filter(({ part }) => !isSecret(part)),
    })
    return [policy, list.map(({ rule, at }) => ({ at, rule: saved(rule) }))]
  })
  return JSON.stringify({ format, policies })
}

/** Reads what `savedRules` wrote. Throws for anything else. */
export function readSavedRules(text: string): Map<string, Edit[]> {
  const saved = JSON.parse(text) as {
    format: number
    policies: [string, { at: number; rule: LimitRule & { plans: [string, LimitRule['numbers']][] } }[]][]
  }
  if (saved.format !== format) throw new Error(`it has format ${saved.format}`)
  return new Map(
    saved.policies.map(([policy, list]) => [
      policy,
      list.map(({ at, rule }) => ({ at, rule: { ...rule, plans: new Map(rule.plans) } })),
    ]),
  )
}
