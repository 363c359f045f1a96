import { effective } from '../model/effective.ts'
import { parseGatewayReference, RouteSpec } from '../model/route.ts'
import { all, find, type State } from '../model/state.ts'
import { policyKinds } from '../policies/index.ts'
import type { GatewayContext, PolicyKind } from '../policies/policy-kind.ts'
import type { Origin } from './provenance.ts'

/** A route that is in force on a gateway, with its defaults and its policies looked up. */
export interface GatewayRoute {
  name: string
  spec: Required<RouteSpec>
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
    const everywhere = own.some(({ listener }) => listener === undefined)
    const listeners = everywhere
      ? gateway.spec.listeners.map(({ name }) => name)
      : own.map(({ listener }) => listener!)
    const spec = effective<RouteSpec>(RouteSpec, document.spec)
    const policies = policyKinds.map((kind) => ({ kind, named: policiesOf(state, kind, spec) }))
    const policyRows = policies.flatMap(({ kind, named }) =>
      named.map(({ name }) => ({ kind: kind.kind, name })),
    )
    const origins = [{ kind: 'Route', name: document.name }, ...policyRows]
    return [{ name: document.name, spec, listeners: new Set(listeners), policies, origins }]
  })
}

function policiesOf(state: State, kind: PolicyKind, route: Required<RouteSpec>) {
  return kind.namedBy(route).flatMap((name) => {
    const row = find(state, kind.kind, name)
    return row === undefined
      ? []
      : [{ name, spec: effective<Record<string, unknown>>(kind.spec, row.document.spec) }]
  })
}
