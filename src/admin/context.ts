import type { ExplainResult } from '../explain/explain.ts'
import type { Question } from '../explain/question.ts'
import type { FleetEvent } from '../model/fleet-event.ts'
import type { CheckContext, Kind } from '../model/kind.ts'
import type { Receipt } from '../model/receipt.ts'
import type { State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import type { CounterDesk } from '../ratelimit/counters/counter-desk.ts'
import type { CountersState } from '../ratelimit/stores/resilient/store-state.ts'
import type { Store } from '../store/store.ts'
import type { FleetItem } from '../xds/fleet.ts'
import type { ConfigQuestion, ServedConfig } from '../xds/served-config.ts'
import type { Concerned } from './concerned.ts'
import type { TextParser } from './text-parser.ts'

export type { CountersState, FleetItem }

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
  /** 0: how far it is now. */
  timeoutMs: number
  /** Ends the waiting early: the answer is how far it got. */
  signal?: AbortSignal
}

/** What of one gateway's Envoy resources would change with a write. */
export interface GatewayChange {
  gateway: string
  added: { type: string; name: string }[]
  changed: { type: string; name: string }[]
  removed: { type: string; name: string }[]
  /** Listeners whose connections would be drained. */
  drains: string[]
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
  /** Clusters of an Envoy that are in panic; `undefined` where nobody knows. */
  panic(item: FleetItem): Promise<readonly string[] | undefined>
  deliver(question: DeliverQuestion): Promise<Receipt>
  events: FleetEvents
  /** What would change in Envoy between two states, for those of the gateways where anything would. */
  preview(before: State, after: State, gateways: ReadonlySet<string>): GatewayChange[]
  /** What would become of a request by the state that is in force here. Throws `unavailable` while there is none. */
  explain(question: Question): Promise<ExplainResult>
  /** The counters of the rate-limit service. */
  limits: CounterDesk
  /** Whether requests are decided here: which keys are busy is known by who decides. */
  decides: boolean
  /** Where the counters are, and who decides now. */
  counters(): CountersState
  readiness(): Readiness
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
