import type { Change, Edit, WritePlan } from '../model/plan-write.ts'
import type { State } from '../model/state.ts'
import type { Once } from './idempotency.ts'

/** What is to be written, and how. */
export interface Write {
  author: string
  message: string
  /**
   * What is wanted of the state that the transaction sees; called once, with the writers' lock held. Secrets may still
   * be in clear here, and nowhere later.
   */
  edits(state: State): readonly Edit[]
  /** Plans these edits on that state. Every secret of theirs is a `{secretRef}` by now. */
  plan(state: State, edits: readonly Edit[]): WritePlan
  /** Throws where what is planned and in order must not be done all the same. */
  permit?(before: State, plan: WritePlan): void
  /** Remembered with the write, which is then made at most once. */
  once?: Once
  /** Everything is checked and nothing is written. */
  dryRun?: boolean
}

export interface WriteResult {
  /** The new revision, or the current one where nothing changed. */
  revision: number
  changes: Change[]
  before: State
  after: State
}

/** A write that was made before under its key; nothing was written now. */
export interface MadeWrite extends WriteResult {
  /** Its states were compacted away: `before` and `after` are the newest one, and `changes` what was kept of them. */
  compacted?: true
  /** Which objects it named is not known any more, or not where they were. */
  vague?: true
}
