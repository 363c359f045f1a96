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
  // compile/
  | { event: 'compiled'; gateway: string; revision: number; milliseconds: number }
  | { event: 'held_back'; gateway: string; kind: string; name: string; reason: string }
  // xds/
  | { event: 'xds_connected'; gateway: string; node: string; peer: string }
  /** `gateway` and `node` are as the Envoy says, and absent when it says nothing that can be shown. */
  | { event: 'xds_refused'; gateway?: string; node?: string; peer: string; reason: string }
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
  // grpc-lane/
  /** A connection was cut off by this rule (`grpc-lane/bounds.ts`); in the log so many of that address, the last by this peer. */
  | { event: 'lane_cut'; rule: string; peer: string; cuts?: number }
  /** A stream was refused by this rule, and its connection goes on. */
  | { event: 'lane_refused'; rule: string }
  // admin/
  | { event: 'request'; method: string; route: string; status: number; milliseconds: number }
  // anything unexpected
  | { event: 'failed'; where: string; error: unknown }

/** `hot_key`: the store said before that it would refuse; it was not asked, and would say the same. */
export type StoreDecider = 'store' | 'hot_key' | 'joining' | 'local' | 'allow' | 'deny'

type Decided = 'admitted' | 'denied' | 'not_counted'
export type DecisionResult = Decided | `shadow_${Decided}` | 'skipped'

export type Observe = (event: Event) => void
