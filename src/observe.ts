/**
 * Everything that weir can notice, as one union: the logger and the metrics interpret it, nothing else logs.
 * A folder reports through the `Observe` that it was given; it never knows who listens.
 */
export type Event =
  // start-up and shutdown
  | { event: 'step'; step: string; detail: string }
  | { event: 'ready'; admin: string }
  | { event: 'stopping'; reason: string }
  // local/
  | { event: 'child_started'; child: string; pid: number }
  | { event: 'child_adopted'; child: string; pid: number }
  | { event: 'child_cleared'; child: string; pid: number; reason: string }
  | { event: 'child_stopped'; child: string; pid: number }
  | {
      event: 'child_exited'
      child: string
      pid: number
      code: number | null
      signal: string | null
      log: string
    }
  /** What an Envoy of this machine says of requests about which it asked for a decision. */
  | { event: 'envoy_limited'; gateway: string; outcome: string; requests: number }
  | { event: 'failed_open'; gateway: string; requests: number }
  // store/ and feed/
  | { event: 'migrated'; file: string; milliseconds: number }
  | { event: 'revision_written'; revision: number; author: string; changes: number }
  | { event: 'compacted'; oldest: number; objects: number; revisions: number; secrets: number; keys: number }
  | { event: 'secrets_rotated'; from: string; to: string; secrets: number }
  | { event: 'store_unavailable'; error: string }
  | { event: 'store_recovered' }
  | { event: 'row_unreadable'; kind: string; name: string; error: string }
  // feed/
  | { event: 'secret_unreadable'; secret: string }
  /** An empty list of endpoints: those that it had last stay for so long, and then not any more. */
  | { event: 'endpoints_kept'; cluster: string; endpoints: number; milliseconds: number }
  | { event: 'endpoints_let_go'; cluster: string; endpoints: number }
  // control/
  | { event: 'envoys_announced'; gateway: string; envoys: number }
  | { event: 'address_ignored'; gateway: string; node: string; address: string; reason: string }
  /** This replica moves the rollouts on from now on. */
  | { event: 'rollout_driver'; replica: string }
  /** `wave` counts from 1; `reason` is empty while it goes on by itself. */
  | {
      event: 'rollout_moved'
      gateway: string
      revision: number
      state: string
      wave: number
      reason: string
    }
  /** An Envoy refuses what this row became: from now on no Envoy gets it. */
  | ({ event: 'quarantined' } & RefusedRow)
  /** Another Envoy has it in force, so that it is held back no longer. */
  | ({ event: 'quarantine_disputed' } & RefusedRow)
  /** A refusal stays that of the Envoys that said so. */
  | {
      event: 'quarantine_given_up'
      gateway: string
      type: string
      resource: string
      reason: string
      error: string
    }
  // compile/
  | { event: 'compiled'; gateway: string; revision: number; milliseconds: number }
  | { event: 'held_back'; gateway: string; kind: string; name: string; reason: string }
  // xds/
  | { event: 'xds_connected'; gateway: string; node: string; peer: string }
  /**
   * `gateway` and `node` are as the Envoy says, and absent when it says nothing that can be shown; in the log so many of
   * that rule and address, the last by this peer.
   */
  | {
      event: 'xds_refused'
      rule: XdsRule
      gateway?: string
      node?: string
      peer: string
      reason: string
      cuts?: number
    }
  /** What xDS is served with was read anew, or cannot be used: then what was there before stays in force. */
  | { event: 'xds_tls_renewed'; certificateUntil: string; caChanged: boolean }
  | { event: 'xds_tls_unusable'; reason: string }
  /** Others than Envoys may learn what only they should. */
  | { event: 'xds_open'; reason: string }
  | { event: 'xds_disconnected'; gateway: string; node: string; reason: string }
  | {
      event: 'xds_sent'
      gateway: string
      node: string
      type: string
      resources: number
      removed: number
      bytes: number
    }
  | { event: 'xds_ack'; gateway: string; node: string; type: string; revision: number; milliseconds: number }
  | { event: 'xds_nack'; gateway: string; node: string; type: string; resources: string[]; error: string }
  // ratelimit/
  /** `not_counted`: it admitted what another policy refused. The plan is '' where none gave the numbers. */
  | { event: 'decision'; gateway: string; policy: string; plan: string; result: DecisionResult }
  | { event: 'unknown_policy'; gateway: string; policy: string }
  | { event: 'counters_full'; policy: string }
  | { event: 'counters_saved'; counters: number; bytes: number }
  /** `expired` were over, `refused` had no place. A snapshot that is ignored says why. */
  | {
      event: 'counters_restored'
      result: 'restored' | 'ignored'
      counters?: number
      expired?: number
      refused?: number
      reason?: string
    }
  /** Who decides now, why, and which part of a limit this replica may admit beyond it. */
  | {
      event: 'counter_store_rung'
      rung: 'store' | 'joining' | 'away'
      before: 'store' | 'joining' | 'away'
      why: string
      replicas: number
      overAdmission: number
      /** What the call said by which the store was left. */
      said?: string
    }
  /** `answered`, or what kind of failure it was. */
  | { event: 'counter_store_call'; milliseconds: number; result: string }
  | { event: 'counter_store_failed'; kind: string; error: unknown }
  | { event: 'counter_store_decision'; by: StoreDecider }
  | { event: 'counters_merged'; counters: number }
  /** The store refused to add what was counted without it, until that was given up. */
  | { event: 'counters_not_merged'; policy: string; error: unknown }
  /** By how much a clock of the store is ahead of this process's, in seconds, and how wrong that may be. */
  | { event: 'clock_read'; node: string; seconds: number; error: number }
  | { event: 'clocks_differ'; what: string }
  /** After an edit by which usage falls more slowly. */
  | { event: 'counters_kept'; counters: number; milliseconds: number }
  | { event: 'counters_not_kept'; error: unknown }
  /** A request that all of its counters would have admitted was refused since another had reserved of one. */
  | { event: 'reserve_conflict' }
  /** `rank` counts from 0. */
  | { event: 'replicas_changed'; number: number; replicas: number; rank: number }
  // breaker/
  /** A breaker came to another state by what this replica did or saw; `author` and `message` of one that did it by hand. */
  | {
      event: 'breaker_moved'
      cluster: string
      from: BreakerStateName
      to: BreakerStateName
      generation: number
      cause: string
      author?: string
      message?: string
    }
  /** As this replica knows it; nothing where the cluster has none any more. */
  | { event: 'breaker_state'; cluster: string; state: BreakerStateName | undefined }
  | { event: 'breaker_refused'; cluster: string; by: 'answer' | 'fallback' }
  /** They could not be written, or nobody knows whether they were. */
  | { event: 'breaker_outcomes_dropped'; cluster: string; outcomes: number }
  // grpc-lane/
  /** A connection was cut off by this rule (`grpc-lane/bounds.ts`); in the log so many of that address, the last by this peer. */
  | { event: 'lane_cut'; rule: string; peer: string; cuts?: number }
  /** A stream was refused by this rule, and its connection goes on. */
  | { event: 'lane_refused'; rule: string }
  // admin/
  | { event: 'request'; method: string; route: string; status: number; milliseconds: number }
  // anything unexpected
  | { event: 'failed'; where: string; error: unknown }

/** A row that Envoy refuses: the field as closely as it is known, and who said what of which resource. */
interface RefusedRow {
  kind: string
  name: string
  pointer: string
  gateway: string
  node: string
  type: string
  resource: string
  error: string
}
/**
 * What a peer of xDS met (docs/xds-security.md): `credentials` are not there or not good, `gateway` is one that they are not
 * for, `unknown_gateway` one that does not exist; `node` says nothing usable; the rest are bounds.
 */
export type XdsRule =
  | 'handshake'
  | 'connections'
  | 'streams'
  | 'credentials'
  | 'gateway'
  | 'unknown_gateway'
  | 'node'

/** `hot_key`: the store said before that it would refuse; it was not asked, and would say the same. */
export type StoreDecider = 'store' | 'hot_key' | 'joining' | 'local' | 'allow' | 'deny'

type BreakerStateName = 'closed' | 'open' | 'half_open'

type Decided = 'admitted' | 'denied' | 'not_counted'
export type DecisionResult = Decided | `shadow_${Decided}` | 'skipped'

export type Observe = (event: Event) => void
