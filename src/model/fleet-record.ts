/** What replicas tell each other of their Envoys. What an Envoy is and has is the business of `xds/`, and JSON here. */

/** An Envoy that is or was at a replica. */
export interface FleetSeat {
  /** A number of the replica's own, which it uses again. */
  readonly seat: number
  /** Null: the seat is free. */
  readonly item: unknown
}

/** The connected Envoys of one gateway, those together that stand alike. */
export interface FleetGroups {
  readonly gateway: string
  /** Null: none is connected. */
  readonly groups: readonly FleetGroup[] | null
}

export interface FleetGroup {
  readonly status: unknown
  /** Whose it is; absent in the one group that all others are in. */
  readonly seats?: readonly number[]
}

/** What one replica says, to be put together with what the others say. */
export interface FleetExchange {
  readonly own: {
    /** Unique to the process. */
    readonly id: string
    /** Where it serves xDS, for people. */
    readonly name: string
    readonly revision: number
    /** Grows with everything that is told. */
    readonly version: number
    /** The version in which it told all: what was told before that does not hold. */
    readonly base: number
  }
  /**
   * `first`: this is all, and whoever was at this place before has ended. `all`: this is all, whatever was told before.
   * `changes`: this is what is new; there may be nothing. `leave`: this replica ends.
   */
  readonly says: 'first' | 'all' | 'changes' | 'leave'
  readonly envoys: readonly FleetSeat[]
  readonly gateways: readonly FleetGroups[]
  /** Whether the others should look at once. */
  readonly tell: boolean
  /** The versions of other replicas that are known already. */
  readonly known: ReadonlyMap<string, number>
  /** Replicas without a sign of life for so many milliseconds are to be forgotten; absent: not now. */
  readonly forgetMs?: number
}

/** What another replica tells: of its Envoys what is new since the version that was known. */
export interface ToldReplica {
  readonly id: string
  readonly name: string
  readonly revision: number
  readonly version: number
  readonly base: number
  /** Milliseconds since its last sign of life. */
  readonly silentMs: number
  readonly envoys: readonly FleetSeat[]
  readonly gateways: readonly FleetGroups[]
}

export interface FleetAnswer {
  readonly replicas: readonly ToldReplica[]
  /** What this one told before is not there any more, so that nothing was written now: it has to say all. */
  readonly lost: boolean
}
