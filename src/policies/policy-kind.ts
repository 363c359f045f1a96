import type { Message } from '../envoy-api/types.ts'
import type { Document } from '../model/document.ts'
import type { EffectiveGateway } from '../model/gateway.ts'
import type { Kind } from '../model/kind.ts'
import type { LimitRule } from '../model/limit-rule.ts'
import type { Warning } from '../model/pending.ts'
import type { EffectiveRoute } from '../model/route-spec.ts'
import type { State } from '../model/state.ts'
import type { Phase } from './phases.ts'

/** A filter of the connection manager. It must not change with the policies' content: that would drain listeners. */
export interface HttpFilter {
  phase: Phase
  name: string
  config: Message
  /**
   * Its configuration comes by ECDS under its name (`PolicyKind.extensions`), so that it may follow from policies.
   * `config` is what holds as long as there is none, and must refuse what it cannot judge.
   */
  discovered?: true
  /** It acts on no request but those of routes that say so (`Route.typed_per_filter_config`). */
  disabled?: true
}

export interface GatewayContext {
  name: string
  spec: EffectiveGateway
}

export interface RouteContext {
  gateway: GatewayContext
  route: { name: string; spec: EffectiveRoute }
  /** The policies of this kind that its requests meet, in their order, defaults filled in. */
  policies: { name: string; spec: Record<string, unknown> }[]
}

/** What the filters of a gateway may follow from that come by ECDS. */
export interface ExtensionContext {
  gateway: GatewayContext
  /** The routes that are served, with the policies of this kind that they meet, defaults filled in. */
  routes: { name: string; policies: RouteContext['policies'] }[]
  /** What the servers of a cluster are called. */
  hostOf(cluster: string): string
}

/** How Envoy describes the requests of a route to the rate-limit service for one policy. */
export interface RouteLimit {
  policy: string
  /** 1: asked before authentication, 0: after it. Each stage is one question for all of its policies. */
  stage: 0 | 1
  /** `RateLimit.actions` */
  actions: Message[]
}

/** What a policy kind adds to one Envoy route. */
export interface RouteContribution {
  /** `Route.typed_per_filter_config`, by filter name */
  perFilterConfig?: Record<string, Message>
  /** Names of its policies that may refuse requests, by the `response.code_details` that Envoy writes when they do. */
  refusers?: Record<string, string>
  /** What the route says to filters (`Route.metadata`), by namespace. */
  metadata?: Record<string, Record<string, string>>
  /** Request headers that upstreams are not to see; every filter still has them. */
  removedHeaders?: readonly string[]
  /** Requests that the route takes and does not serve as it serves the others. */
  apart?: ApartRequests[]
}

/** Requests of a route that differ from its others by headers, and become an Envoy route before it. */
export interface ApartRequests {
  /** `RouteMatch.headers` that they fulfil besides the match of the route. */
  headers: Message[]
  /** Takes the place of the route's own, by filter name. */
  perFilterConfig: Record<string, Message>
  /** Besides the route's own. */
  refusers: Record<string, string>
  /** Envoy answers them itself; otherwise they go where the others go. */
  answer?: { status: number; headers: Record<string, string> }
}

/** How answers that Envoy gives itself get the body of a problem document. */
export interface Problems {
  /** What a mapper does then. */
  body(status: number, title: string, detail: string): Message
  /** The condition of such a mapper: a gRPC client reads a body as the message of its error. */
  readonly notGrpc: Message
}

/** What a policy kind means to the user (a `Kind`) and to Envoy. */
export interface PolicyKind extends Kind {
  /** Filters that every connection manager of a gateway has, whether or not a policy of the kind exists yet. */
  filters?(gateway: GatewayContext): HttpFilter[]
  /** The configurations of those filters that come by ECDS, by their names: each of them, whatever policies there are. */
  extensions?(context: ExtensionContext): Record<string, Message>
  /** Mappers of the answers that Envoy gives itself (`local_reply_config`), the same for every gateway. */
  localReplies?(problems: Problems): Message[]
  /** Request headers that only the kind's own filters may write; what clients write there is taken away first. */
  readonly reservedHeaders?: readonly string[]
  /** Request headers that its filters leave behind, and that no upstream is to see. */
  readonly usedHeaders?: readonly string[]
  /** Names of the policies of this kind that the requests of a route meet, in their order, each once. */
  namedBy?(route: EffectiveRoute, gateway: GatewayContext): string[]
  /** What all requests of a gateway need that meet no policy of this kind (`RouteConfiguration.typed_per_filter_config`). */
  everyRoute?(gateway: GatewayContext): Record<string, Message>
  /** What the route needs for them. */
  route?(context: RouteContext): RouteContribution
  /** What of it is asked of the rate-limit service. */
  rateLimits?(context: RouteContext): RouteLimit[]
  /** What the writer of a route should know of the policies of this kind that it names. */
  routeWarnings?(route: Document, state: State): Warning[]
  /** The same for the writer of a cluster. */
  clusterWarnings?(cluster: Document, state: State): Warning[]
  /** Where a policy looks for credentials, as `header:x-api-key`: what is found there is never shown. */
  credentials?(spec: unknown): string[]
  /** What the rate-limit service needs for one policy, if the kind is a limit. */
  limitRule?(document: Document): LimitRule | undefined
}
