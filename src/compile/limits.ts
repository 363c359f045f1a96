import type { ConsumerSpec } from '../model/consumer.ts'
import type { Document } from '../model/document.ts'
import type { LimitRule, Limits } from '../model/limit-rule.ts'
import { all, type State } from '../model/state.ts'
import { policyKinds } from '../policies/index.ts'

const known = new WeakMap<Document, LimitRule | undefined>()

/**
 * The rules by which the rate-limit service answers every gateway's Envoys: counters are the whole fleet's, and so is
 * what they count by. A rule that nothing changed for is the very same object as before.
 */
export function limitsOf(state: State): Limits {
  const rules = new Map<string, LimitRule>()
  const credentials = new Set<string>()
  for (const kind of policyKinds) {
    for (const { document } of all(state, kind.kind)) {
      for (const name of kind.credentials?.(document.spec) ?? []) credentials.add(name)
      if (kind.limitRule === undefined) continue
      if (!known.has(document)) known.set(document, kind.limitRule(document))
      const rule = known.get(document)
      if (rule !== undefined) rules.set(document.name, rule)
    }
  }
  const gateways = new Set(all(state, 'Gateway').map(({ document }) => document.name))
  return { revision: state.revision, gateways, rules, plans: plansOf(state), credentials }
}

/**
 * The rules of a state, and those of policies that it has no more while Envoys are held at states that have them. A
 * policy that is in both has one rule, the newest: its counters are the whole fleet's.
 */
export function limitsOver(newest: State, others: readonly State[]): Limits {
  const limits = limitsOf(newest)
  const older = [...new Set(others)].filter((state) => state !== newest).map(limitsOf)
  if (older.length === 0) return limits
  return {
    ...limits,
    rules: new Map([...older.flatMap(({ rules }) => [...rules]), ...limits.rules]),
    credentials: new Set([...older.flatMap(({ credentials }) => [...credentials]), ...limits.credentials]),
  }
}

function plansOf(state: State): Map<string, string> {
  const consumers = all(state, 'Consumer').flatMap(({ document }) => {
    const { plan } = document.spec as ConsumerSpec
    return plan === undefined ? [] : [[document.name, plan] as const]
  })
  return new Map(consumers)
}
