import type { Kind } from '../model/kind.ts'
import { coreKinds } from '../model/kinds.ts'
import { auth } from './auth/kind.ts'
import { outlierDetection } from './outlier-detection/kind.ts'
import type { PolicyKind } from './policy-kind.ts'
import { rateLimit } from './rate-limit/compile.ts'
import { request } from './request/kind.ts'
import { warnedOfPolicies } from './warned-of-policies.ts'

/** Every policy kind. One folder and one line here is all that a new one needs. */
export const policyKinds: readonly PolicyKind[] = [rateLimit, outlierDetection, auth, request]

/** Every kind of object, in the order in which an export lists them. */
export const kinds: readonly Kind[] = [
  ...coreKinds.map((kind) => warnedOfPolicies(kind, policyKinds)),
  ...policyKinds,
]
