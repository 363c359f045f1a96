/** A rate-limit service and the revision by which it answers. */
export interface Replica {
  /** Unique to the process. */
  readonly id: string
  /** Where it answers, for people: no two processes have it at a time. */
  readonly name: string
  /** 0 before the first. */
  readonly revision: number
}

/** A replica as all replicas see it. */
export interface KnownReplica extends Replica {
  /** It gave a sign of life lately. */
  readonly live: boolean
}

/** What one process says of itself, to be put together with what the others say. */
export interface ReplicaExchange {
  /** Nothing for a process that decides no requests. */
  readonly own?: Replica
  /** It ends, and is to be waited for no longer. */
  readonly leaving?: boolean
  /** Whether the others should look at once. */
  readonly tell: boolean
  /** Milliseconds without a sign of life after which a replica is not live. */
  readonly staleMs: number
  /** Milliseconds without one after which it is forgotten. */
  readonly forgetMs: number
}
