import type { BreakerDesk } from '../breaker/breaker-desk.ts'
import type { ExplainResult } from '../explain/explain.ts'
import type { Question } from '../explain/question.ts'
import type { ClusterHealth, EnvoysAilments } from '../model/cluster-health.ts'
import type { Reduction } from '../model/confirmation.ts'
import type { FleetEvent } from '../model/fleet-event.ts'
import type { HeldRow } from '../model/held-row.ts'
import type { CheckContext, Kind } from '../model/kind.ts'
import type { Receipt } from '../model/receipt.ts'
import type { Rollout, RolloutAction } from '../model/rollout-json.ts'
import type { State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import type { CounterDesk } from '../ratelimit/counters/counter-desk.ts'
import type { CountersState } from '../ratelimit/stores/resilient/store-state.ts'
import type { Store } from '../store/store.ts'
import type { WriteResult } from '../store/write.ts'
import type { FleetItem } from '../xds/fleet-item.ts'
import type { ConfigQuestion, ServedConfig } from '../xds/served-config.ts'
import type { Concerned } from './concerned.ts'
import type { TextParser } from './text-parser.ts'

export type { CountersState, FleetItem, HeldRow }

/** A resource of which an Envoy has something else than it should. */
interface Deviation {
  type: string
  name: string
  is: string
  expected: string | null
  actual: string | null
}

/** What an Envoy has against what it should have. */
export interface DriftAnswer {
  gateway: string
  id: string
  revision: number
  xds: { peer: string; deviations: (Deviation & { because: string })[] }[]
  configDump: { deviations: Deviation[] } | null
}

/** How clusters are. */
export interface HealthReader {
  /** As the Envoys that have it see it; of one that no Envoy has, that this is so. */
  cluster(name: string): Promise<ClusterHealth>
  /** What is amiss with any cluster. */
  ailments(): Promise<EnvoysAilments>
}

/** What may be asked of rollouts, and done to them. */
export interface RolloutDesk {
  /** How far they are: of these gateways, or of all. */
  views(gateways?: ReadonlySet<string>): Rollout[]
  /** Nothing where the gateway has none. Throws `conflict` for what its state does not allow. */
  act(gateway: string, action: RolloutAction): Promise<Rollout | undefined>
}

/** What happens to revisions and Envoys, as far as it is kept. */
export interface FleetEvents {
  /** The id of the newest event. */
  newest(): string
  /**
   * Reads what comes after the event of that id; without one what comes from now on. `next` answers `lost` once where
   * events in between are not kept any more, and nothing where there is none yet.
   */
  reader(after?: string): { next(): { id: string; event: FleetEvent } | 'lost' | undefined }
  /** Calls back when there is more to read, until the returned function is called. */
  follow(listener: () => void): () => void
}

export interface DeliverQuestion {
  revision: number
  gateways: ReadonlySet<string>
  /** What the write names: of these is tried again what is held back. */
  /** What the write names; without it, whatever is held back of these gateways is tried again. */
  objects?: readonly { kind: string; name: string }[]
  /** 0: how far it is now. */
  timeoutMs: number
  /** Ends the waiting early: the answer is how far it got. */
  signal?: AbortSignal
}

/** A resource of Envoy, by the short name of its type. */
export interface NamedResource {
  type: string
  name: string
}

/** What of one gateway's Envoy resources would change with a write, and in which order. */
export interface GatewayChange {
  gateway: string
  added: NamedResource[]
  changed: NamedResource[]
  removed: NamedResource[]
  /** Listeners whose connections would be drained. */
  drains: { listener: string; how: 'removed' | 'replaced' | 'filter_chains' }[]
  steps: { does: 'send' | 'swap' | 'remove'; resources: NamedResource[] }[]
}

/** What an Envoy said of a write before it was made; `skipped` where it could not be asked, `untraced` where no row is to blame. */
export interface Validation {
  state: 'accepted' | 'refused' | 'untraced' | 'skipped'
  problems: { gateway: string; kind: string; name: string; pointer: string; error: string }[]
  untraced?: { gateway: string; error: string }[]
  reason?: string
}

/** Whether a balancer should send requests here, and why not. */
export interface Readiness {
  ready: boolean
  /** It ends soon; until then everything is served. */
  stopping: boolean
  detail: Record<string, unknown>
}

/** What a server without the API needs. */
export type HealthOptions = Pick<
  AdminOptions,
  'token' | 'observe' | 'version' | 'metrics' | 'readiness' | 'timeouts'
>

/** What is left of the API where requests are decided, and nothing else is done. */
export type DeciderOptions = HealthOptions & Pick<AdminOptions, 'limits'>

export interface AdminOptions {
  store: Store
  /** Every kind that has routes, in the order of an export. */
  kinds: readonly Kind[]
  checkContext: CheckContext
  /** The bearer token of `/v1` and `/metrics`. */
  token: string
  observe: Observe
  version: string
  metrics(): Promise<{ contentType: string; text: string }>
  fleet(): FleetItem[]
  /** What a connected Envoy is served; nothing where no such one is connected. */
  config(question: ConfigQuestion): ServedConfig | undefined
  /** Where a connected Envoy has something else than it should; nothing where no such one is connected. */
  drift(question: ConfigQuestion): Promise<DriftAnswer | undefined>
  /** How clusters are, as the Envoys of all replicas see them. */
  health: HealthReader
  /** Clusters of an Envoy that are in panic; `undefined` where nobody knows. */
  panic(item: FleetItem): Promise<readonly string[] | undefined>
  /** Open connections of an Envoy by listener; `undefined` where nobody can ask it. */
  connections(item: FleetItem): Promise<ReadonlyMap<string, number> | undefined>
  deliver(question: DeliverQuestion): Promise<Receipt>
  rollouts: RolloutDesk
  /** What Envoys refuse of what is written, on all replicas. */
  heldBack(): readonly HeldRow[]
  events: FleetEvents
  /** What would change in Envoy between two states, for those of the gateways where anything would. */
  preview(before: State, after: State, gateways: ReadonlySet<string>): GatewayChange[]
  /** What a real Envoy says of the state after a write; absent where none is asked. */
  validate?: (before: State, after: State, gateways: ReadonlySet<string>) => Promise<Validation | undefined>
  /** Whether it is asked before each write, too. */
  validatesWrites?: boolean
  /** What a write leaves gateways with fewer than half of; `concerned` are those that it has to do with. */
  reductions(
    write: Pick<WriteResult, 'before' | 'after' | 'changes'>,
    concerned: () => ReadonlySet<string>,
  ): Reduction[]
  /** What would become of a request by the state that is in force here. Throws `unavailable` while there is none. */
  explain(question: Question): Promise<ExplainResult>
  /** The counters of the rate-limit service. */
  limits: CounterDesk
  /** The circuit breakers of clusters. */
  breakers: BreakerDesk & { /** Why all of them may not be up to date. */ warnings(): string[] }
  /** Whether requests are decided here: which keys are busy is known by who decides. */
  decides: boolean
  /** Where the counters are, and who decides now. */
  counters(): CountersState
  readiness(): Readiness
  /** Makes tokens by which Envoys fetch their configuration; absent where these count for nothing. */
  xdsTokens?: { issue(pass: { gateways: readonly string[]; until: number }): string }
  /** Milliseconds that a peer has for its headers and for its whole request. */
  timeouts?: { headersMs: number; requestMs: number }
}

/** What the routes work with. */
export interface AdminContext extends AdminOptions {
  parser: TextParser
  concerned: Concerned
  /** Fires when the server closes, so that nothing waits on. */
  closing: AbortSignal
}
