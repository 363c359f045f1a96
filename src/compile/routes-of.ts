import { effective } from '../model/effective.ts'
import { failsClosed } from '../model/pending.ts'
import { type EffectiveRoute, parseGatewayReference, RouteSpec } from '../model/route.ts'
import { all, find, type State } from '../model/state.ts'
import { policyKinds } from '../policies/index.ts'
import type { GatewayContext, PolicyKind } from '../policies/policy-kind.ts'
import type { Origin } from './provenance.ts'

/** A route that is in force on a gateway, with its defaults and its policies looked up. */
export interface GatewayRoute {
  name: string
  spec: EffectiveRoute
  /** It must not be served without something that it needs and that is not there: every request gets a 503. */
  closed: boolean
  /** Policies that it names and that cannot be read, as `Kind/name`. */
  missing: string[]
  /** Names of the gateway's listeners that have it. */
  listeners: ReadonlySet<string>
  policies: { kind: PolicyKind; named: { name: string; spec: Record<string, unknown> }[] }[]
  /** The rows behind it: the route and its policies. */
  origins: Origin[]
}

/** The routes of a gateway, by name. */
export function routesOf(state: State, gateway: GatewayContext): GatewayRoute[] {
  return all(state, 'Route').flatMap(({ document }) => {
    const references = (document.spec as RouteSpec).gateways.map(parseGatewayReference)
    const own = references.filter((reference) => reference.gateway === gateway.name)
    if (own.length === 0) return []
    const spec = effective<EffectiveRoute>(RouteSpec, document.spec)
    const missing = missingPolicies(state, spec)
    const closed = missing.length > 0 || failsClosed(RouteSpec, document.spec)
    if (!isExpressible(spec, closed)) return []
    const everywhere = own.some(({ listener }) => listener === undefined)
    const listeners = everywhere
      ? gateway.spec.listeners.map(({ name }) => name)
      : own.map(({ listener }) => listener!)
    const policies = policyKinds.map((kind) => ({ kind, named: policiesOf(state, kind, spec) }))
    const policyRows = policies.flatMap(({ kind, named }) =>
      named.map(({ name }) => ({ kind: kind.kind, name })),
    )
    const origins = [{ kind: 'Route', name: document.name }, ...policyRows]
    const { name } = document
    return [{ name, spec, closed, missing, listeners: new Set(listeners), policies, origins }]
  })
}

/** Clusters that a route sends requests to. */
export function clustersOf({ closed, spec }: GatewayRoute): string[] {
  return closed ? [] : (spec.forward ?? []).map(({ cluster }) => cluster)
}

/**
 * A route with a condition or an answer that Envoy does not get yet would take, or do, something else: it is left out.
 * One that is closed takes all requests of its path, so that none of them falls through to a wider route.
 */
function isExpressible({ forward, match }: RouteSpec, closed: boolean): boolean {
  const { methods, headers, query, cookies } = match
  const conditions = [methods, headers, query, cookies]
  return closed || (forward !== undefined && conditions.every((each) => each === undefined))
}

/** References are checked when they are written, so what is missing here is a row that this program cannot read. */
function missingPolicies(state: State, route: EffectiveRoute): string[] {
  return policyKinds.flatMap((kind) =>
    (kind.namedBy?.(route) ?? [])
      .filter((name) => find(state, kind.kind, name) === undefined)
      .map((name) => `${kind.kind}/${name}`),
  )
}

function policiesOf(state: State, kind: PolicyKind, route: EffectiveRoute) {
  return (kind.namedBy?.(route) ?? []).flatMap((name) => {
    const row = find(state, kind.kind, name)
    return row === undefined
      ? []
      : [{ name, spec: effective<Record<string, unknown>>(kind.spec, row.document.spec) }]
  })
}
