import { rateLimit } from '../policies/rate-limit/compile.ts'
import { type LocalLimit, localLimit } from '../policies/rate-limit/local/limit.ts'
import type { EffectiveRateLimit } from '../policies/rate-limit/schema.ts'
import type { Met } from './route-of.ts'

/** What each Envoy counts by itself of the policies that a request meets. */
export function localLimitsOf({ route }: Met): LocalLimit[] {
  return route.policies
    .filter(({ kind }) => kind === rateLimit)
    .flatMap(({ named }) => named)
    .flatMap(({ name, spec }) => localLimit(name, spec as EffectiveRateLimit) ?? [])
}
