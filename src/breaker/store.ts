import type { Admission, Call, Numbers } from './machine.ts'
import type { BreakerState, Micros, StateName } from './state.ts'

export interface Question {
  readonly cluster: string
  readonly numbers: Numbers
  /** The last that this replica heard of it. */
  readonly known: BreakerState | undefined
  readonly call: Call
}

export interface Outcomes {
  readonly failures: number
  readonly of: number
}

export interface Reply {
  /** The store's clock. */
  readonly now: Micros
  /** Without the outcomes that it counts. */
  readonly state: BreakerState
  /** Those. */
  readonly outcomes: Outcomes
  /** Where it came to another state by this call: the one before. */
  readonly from: StateName | undefined
  readonly admissions: readonly Admission[]
}

/** Where the breakers of all replicas are. Each call is one atomic step (`machine.ts`). */
export interface BreakerStore {
  /** Answers at once, and always. */
  readonly isLocal: boolean
  /** Rejects where the store does not answer; then nobody knows whether it was done. */
  step(question: Question): Reply | Promise<Reply>
}
