import type { Message } from '../envoy-api/types.ts'
import type { Document } from '../model/document.ts'
import type { EffectiveGateway } from '../model/gateway.ts'
import type { Kind } from '../model/kind.ts'
import type { LimitRule } from '../model/limit-rule.ts'
import type { EffectiveRoute } from '../model/route-spec.ts'
import type { Phase } from './phases.ts'

/** A filter of the connection manager. It must not change with the policies' content: that would drain listeners. */
export interface HttpFilter {
  phase: Phase
  name: string
  config: Message
}

export interface GatewayContext {
  name: string
  spec: EffectiveGateway
}

export interface RouteContext {
  gateway: GatewayContext
  route: { name: string; spec: EffectiveRoute }
  /** The policies of this kind that the route names, in its order, defaults filled in. */
  policies: { name: string; spec: Record<string, unknown> }[]
}

/** What a policy kind adds to one Envoy route. */
export interface RouteContribution {
  /** `RouteAction.rate_limits` */
  rateLimits?: Message[]
  /** `Route.typed_per_filter_config`, by filter name */
  perFilterConfig?: Record<string, Message>
}

/** What a policy kind means to the user (a `Kind`) and to Envoy. */
export interface PolicyKind extends Kind {
  /** Filters that every connection manager of a gateway has, whether or not a policy of the kind exists yet. */
  filters?(gateway: GatewayContext): HttpFilter[]
  /** Names of the policies of this kind that a route asks for. */
  namedBy?(route: EffectiveRoute): string[]
  /** What the route needs for them. */
  route?(context: RouteContext): RouteContribution
  /** What the rate-limit service needs for one policy, if the kind is a limit. */
  limitRule?(document: Document): LimitRule | undefined
}
