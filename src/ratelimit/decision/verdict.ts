import type { LimitNumbers } from '../../model/limit-rule.ts'
import type { Micros, Standing } from '../algorithms/algorithm.ts'

/** A part of a counter's key as it may be shown: credentials never are. */
export interface ShownPart {
  /** As in `header:x-tenant`, `client_ip`, `constant`. */
  part: string
  /** Left out where it is hidden or missing. */
  value?: string
  /** It is a credential. */
  hidden?: true
  /** The request had no such part. */
  missing?: true
}

export interface ShownKey {
  /** The counter's id, base64url. */
  id: string
  parts: ShownPart[]
}

/** What one policy says to a request, and why. */
export interface Verdict {
  policy: string
  /** Left out where the policy is unknown. */
  key?: ShownKey
  /** `unknown`: there is no such policy (any more); `skipped`: a part of the key is missing and it limits no such request. */
  result: 'admitted' | 'denied' | 'skipped' | 'unknown'
  /** Whether it counts for the request; one that does not is in shadow. */
  enforced: boolean
  /** A sentence for people. */
  reason: string
  cost?: number
  /** The numbers in force for the request, where they come from, and the microseconds of a tick. */
  numbers?: LimitNumbers
  from?: 'policy' | `plan ${string}` | `override ${number}`
  unit?: number
  standing?: Standing
  /** How long it waits before it is forwarded. */
  delay?: Micros
  /** null where waiting does not help. */
  retryAfter?: Micros | null
}

/** A request's decision without its consumption. */
export interface Explanation {
  admitted: boolean
  /** Status of the answer, where it is refused. */
  status?: number
  verdicts: Verdict[]
}

/** A key that a policy saw often of late. Counts halve each minute: they are of the last minutes. */
export interface BusyKey {
  key: ShownKey
  /** Requests admitted and refused of late; together too low by `error` at most. */
  admitted: number
  denied: number
  error: number
  numbers: LimitNumbers
  /** As it is now; nothing where the counter is idle, null where it cannot be read. */
  view: (Standing & { used: number }) | undefined | null
}
