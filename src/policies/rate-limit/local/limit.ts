import type { LimitRule } from '../../../model/limit-rule.ts'
import { ruleOf } from '../rule.ts'
import type { EffectiveRateLimit } from '../schema.ts'
import type { Bucket } from './bucket.ts'
import { shieldBucket, timesOf } from './shield.ts'

/** What each Envoy counts by itself for one policy. */
export interface LocalLimit {
  rule: LimitRule
  stage: EffectiveRateLimit['stage']
  /** Before a limit of the fleet, to hold off who is far beyond it; or the limit itself. */
  role: 'shield' | 'limit'
  bucket: Bucket
  /** Tokens that a request takes. */
  cost: number
  /** It counts, and refuses nothing. */
  shadow: boolean
}

/** Nothing where the rate-limit service alone counts. */
export function localLimit(policy: string, spec: EffectiveRateLimit): LocalLimit | undefined {
  const rule = ruleOf(policy, spec)
  const { stage, mode, shield } = spec
  // What a header says is at least 1: a shield that counts less is a looser one.
  const cost = typeof rule.cost === 'number' ? rule.cost : 1
  const common = { rule, stage, cost, shadow: mode === 'shadow' }
  if (spec.scope === 'envoy') {
    const { numbers } = rule
    if (numbers.algorithm !== 'token_bucket') throw new Error(`an Envoy counts no ${numbers.algorithm}`)
    const { capacity, refill } = numbers
    return { ...common, role: 'limit', bucket: { capacity, refill } }
  }
  // A shield would refuse what shadow lets pass, and only the service knows which keys are in it.
  if (shield === undefined || mode === 'shadow' || spec.percent < 100) return undefined
  return { ...common, role: 'shield', bucket: shieldBucket(rule, timesOf(shield)) }
}
