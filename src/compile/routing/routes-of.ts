import type { Document } from '../../model/document.ts'
import { effective } from '../../model/effective.ts'
import { parseGatewayReference } from '../../model/gateway-reference.ts'
import { failsClosed } from '../../model/pending.ts'
import { type EffectiveRoute, RouteSpec } from '../../model/route-spec.ts'
import { all, find, type State, type StoredObject } from '../../model/state.ts'
import { policyKinds } from '../../policies/index.ts'
import type { GatewayContext, PolicyKind } from '../../policies/policy-kind.ts'
import type { StrictBreaker } from '../breakers.ts'
import type { Origin } from '../provenance.ts'
import { Remembered } from '../remembered.ts'

/** A route that is in force on a gateway, with its defaults and its policies looked up. */
export interface GatewayRoute {
  name: string
  spec: EffectiveRoute
  /** It must not be served without something that it needs and that is not there: every request gets a 503. */
  closed: boolean
  /** Policies that its requests should meet, and its cluster, where they cannot be delivered, as `Kind/name`. */
  missing: string[]
  /** Names of the gateway's listeners that have it. */
  listeners: ReadonlySet<string>
  /** Clusters that it sends requests to, and those that its policies need themselves. */
  clusters: string[]
  /** Strict breakers of the clusters that it forwards to, in their order. */
  breakers: readonly StrictBreaker[]
  policies: { kind: PolicyKind; named: { name: string; spec: Record<string, unknown> }[] }[]
  /** The rows behind it: the route and its policies. */
  origins: Origin[]
}

const remembered = new Remembered<GatewayRoute | undefined>()

/**
 * The routes of a gateway, by name, with the strict breakers that there are, by cluster. One that nothing changed for is
 * the very same object as before.
 */
export function routesOf(
  state: State,
  gateway: GatewayContext,
  breakers: ReadonlyMap<string, StrictBreaker>,
): GatewayRoute[] {
  return all(state, 'Route').flatMap(({ document }) => {
    const spec = effective<EffectiveRoute>(RouteSpec, document.spec)
    const policies = policiesOf(state, gateway, spec)
    const rows = policies.flatMap(({ named }) => named.map(({ row }) => row?.document))
    const cluster = clusterLeftOut(state, spec)
    const met = breakersMet(spec, breakers)
    const from = [gateway.spec, cluster, ...met, ...rows]
    const make = () => gatewayRoute(document, spec, gateway, { found: policies, cluster, breakers: met })
    return remembered.of(document, gateway.name, from, make) ?? []
  })
}

/** What the state has for a route. */
interface Found {
  found: readonly NamedPolicies[]
  /** What is left out of its clusters, so that it must be closed. */
  cluster: string | undefined
  breakers: readonly StrictBreaker[]
}

/** A route in force, if it is for the gateway. */
function gatewayRoute(
  { name, spec: written }: Document,
  spec: EffectiveRoute,
  gateway: GatewayContext,
  { found, cluster, breakers }: Found,
): GatewayRoute | undefined {
  const own = spec.gateways
    .map(parseGatewayReference)
    .filter((reference) => reference.gateway === gateway.name)
  if (own.length === 0) return undefined
  const rows = found.flatMap(({ kind, named }) => named.map((each) => ({ kind, ...each })))
  // References are checked when they are written, so what is missing here is a row that this program cannot read, or
  // that Envoy refuses.
  const policiesMissing = rows
    .filter(({ row }) => row === undefined)
    .map(({ kind, name }) => `${kind.kind}/${name}`)
  const missing = [...policiesMissing, ...(cluster === undefined ? [] : [cluster])]
  const everywhere = own.some(({ listener }) => listener === undefined)
  const listeners = everywhere
    ? gateway.spec.listeners.map(({ name }) => name)
    : own.map(({ listener }) => listener!)
  const origins = rows
    .filter(({ row }) => row !== undefined)
    .map(({ kind, name }) => ({ kind: kind.kind, name }))
  const closed = missing.length > 0 || failsClosed(RouteSpec, written) || found.some(isClosed)
  const policies = found.map(({ kind, named }) => ({
    kind,
    named: named.flatMap(({ name, row }) =>
      row === undefined
        ? []
        : [{ name, spec: effective<Record<string, unknown>>(kind.spec, row.document.spec) }],
    ),
  }))
  return {
    ...{ name, spec, closed, missing, policies },
    listeners: new Set(listeners),
    clusters: closed ? [] : clustersOf(spec, policies),
    breakers: closed ? [] : breakers,
    origins: [{ kind: 'Route', name }, ...origins, ...breakers.flatMap(rowsOf)],
  }
}

function breakersMet(
  { forward = [] }: EffectiveRoute,
  breakers: ReadonlyMap<string, StrictBreaker>,
): StrictBreaker[] {
  if (breakers.size === 0) return []
  const names = new Set(forward.map(({ cluster }) => cluster))
  return [...names].flatMap((name) => breakers.get(name) ?? [])
}

function rowsOf({ cluster, policy }: StrictBreaker): Origin[] {
  return [
    { kind: 'Cluster', name: cluster },
    { kind: 'OutlierDetectionPolicy', name: policy },
  ]
}

/** Clusters that requests of a route go to while a breaker is open. */
export function fallbacksOf({ breakers }: GatewayRoute): string[] {
  return breakers.flatMap(({ breaker }) => breaker.fallback?.cluster ?? [])
}

/** The one cluster of a route, if Envoy refuses it; of a split the other parts are served, and Envoy answers for that one. */
function clusterLeftOut({ leftOut }: State, { forward = [] }: EffectiveRoute): string | undefined {
  const [only, ...others] = forward
  const id = `Cluster/${only?.cluster}`
  return others.length === 0 && leftOut?.has(id) ? id : undefined
}

/** Policies of one kind that a route meets, with the rows that can be read. */
interface NamedPolicies {
  kind: PolicyKind
  named: { name: string; row: StoredObject | undefined }[]
}

function policiesOf(state: State, gateway: GatewayContext, route: EffectiveRoute): NamedPolicies[] {
  return policyKinds.map((kind) => ({
    kind,
    named: (kind.namedBy?.(route, gateway) ?? []).map((name) => ({
      name,
      row: find(state, kind.kind, name),
    })),
  }))
}

/** One of the policies has a part that must not be left out, and is not delivered yet. */
function isClosed({ kind, named }: NamedPolicies): boolean {
  return named.some(({ row }) => row !== undefined && failsClosed(kind.spec, row.document.spec))
}

function clustersOf({ forward = [], mirror }: EffectiveRoute, policies: GatewayRoute['policies']): string[] {
  const needed = policies.flatMap(({ kind, named }) =>
    named.flatMap(({ spec }) => kind.references(spec as never)),
  )
  return [
    ...forward.map(({ cluster }) => cluster),
    ...(mirror === undefined ? [] : [mirror.cluster]),
    ...needed.filter(({ kind }) => kind === 'Cluster').map(({ name }) => name),
  ]
}
