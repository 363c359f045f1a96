/** Which Envoys of a gateway a rollout has come to: those with one of these sets of labels, and a share of all. */
export interface Reach {
  readonly nodes: readonly Readonly<Record<string, string>>[]
  /** From 0 (nobody) to 1 (everybody). */
  readonly share: number
}

/** `done`: all Envoys have the same, `base` and `candidate` are one; see `control/rollout.ts` for the others. */
export type RolloutState = 'running' | 'halted' | 'reverting' | 'reverted' | 'done'

/** How far the Envoys of one gateway are moved to a revision, as all replicas know it. Times are the database's. */
export interface RolloutRecord {
  readonly gateway: string
  /** Counts the changes of this record. */
  readonly version: number
  /** The version at which the present wave began. */
  readonly epoch: number
  readonly state: RolloutState
  /** The last revision that was fully rolled out: what the Envoys have that are not reached. */
  readonly base: number
  readonly candidate: number
  /** Counts from 0. */
  readonly wave: number
  readonly reach: Reach
  readonly startedAt: Date
  readonly waveAt: Date
  /** Since when all that are reached have acknowledged it. */
  readonly settlingAt: Date | null
  readonly changedAt: Date
  /** Why it was halted, reverted or ended; empty while it runs by itself. */
  readonly reason: string
}

/** What became of a revision that was rolled out, once that is over. */
export interface RolloutOutcome {
  readonly gateway: string
  readonly revision: number
  readonly state: 'done' | 'reverted' | 'superseded'
  readonly reason: string
}

/** Requests of some Envoys, and how long they took. */
export interface Figures {
  readonly requests: number
  /** Of these, answered by 5xx. */
  readonly errors: number
  /** Requests by the bound of milliseconds that they did not exceed, each counted once. */
  readonly times: Readonly<Record<string, number>>
}

/** What one replica sees of the Envoys of a gateway that are connected to it. */
export interface GatewayReport {
  /** The epoch of the record by which they are served. */
  readonly epoch: number
  /** How many there are, of those that a rollout has come to and of the others; `pending` have not got all of theirs. */
  readonly reached: { readonly envoys: number; readonly pending: number }
  readonly others: { readonly envoys: number; readonly pending: number }
  /** Envoys by the first wave that they belong to; `count` cannot be told here, and such a wave has none. */
  readonly byWave: readonly number[]
  /** The smallest places of all, as many as a `count` may need. */
  readonly places: readonly number[]
  /** What reached ones refuse of that which is new; a few. */
  readonly nacks: readonly string[]
  /** Of this epoch; `before` is what all had before the rollout began. */
  readonly figures: { readonly reached: Figures; readonly others: Figures; readonly before: Figures }
}

/** What a replica says, and asks for. */
export interface RolloutExchange {
  /** Unique to the process. */
  readonly replica: string
  readonly name: string
  readonly report: Readonly<Record<string, GatewayReport>>
  /** Whether the others should look at once. */
  readonly tell: boolean
  /** Milliseconds since it started. */
  readonly aliveMs: number
  /** Milliseconds for which it wants to be the one that moves rollouts on, if nobody else is; 0: no longer. */
  readonly leaseMs: number
  readonly forgetMs: number
}

export interface KnownReport {
  readonly replica: string
  readonly startedAt: Date
  readonly seenAt: Date
  readonly report: Readonly<Record<string, GatewayReport>>
}

/** What all replicas know together. */
export interface RolloutTable {
  readonly now: Date
  readonly driver: { readonly replica: string; readonly name: string }
  readonly records: readonly RolloutRecord[]
  readonly reports: readonly KnownReport[]
}

/** A change of a record, made unless somebody else made one first. */
export interface RolloutMove {
  readonly from: RolloutRecord
  readonly to: RolloutRecord
  /** What became of the revision that this ends. */
  readonly outcome?: RolloutOutcome
  /** Only while this replica is the driver; nothing for what a person asks for. */
  readonly driver?: string
}

/** What all replicas share, as `store/rollouts.ts` serves it. */
export interface SharedRollouts {
  exchangeRollouts(exchange: RolloutExchange): Promise<RolloutTable>
  /** Whether the change was made. */
  moveRollout(move: RolloutMove): Promise<boolean>
}
