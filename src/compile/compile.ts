import { type Resources, type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import { effective } from '../model/effective.ts'
import { type EffectiveGateway, GatewaySpec } from '../model/gateway.ts'
import { rateLimitCluster } from '../model/service-clusters.ts'
import { compareNames, find, type State } from '../model/state.ts'
import type { GatewayContext } from '../policies/policy-kind.ts'
import { writtenCluster } from './cluster/written-cluster.ts'
import { isOpen, listener } from './listener.ts'
import type { Live } from './live.ts'
import { Provenance } from './provenance.ts'
import { routeConfiguration } from './routing/route-configuration.ts'
import { clustersOf, type GatewayRoute, routesOf } from './routing/routes-of.ts'
import { serviceCluster } from './service-cluster.ts'

/** Something of the state that Envoy cannot be given, named by its row. */
export interface CompileProblem {
  kind: string
  name: string
  message: string
}

/** All that follows from a state for one gateway. */
export interface Compiled {
  resources: Resources
  problems: CompileProblem[]
  provenance: Provenance
}

/**
 * Compiles a state into the resources of one gateway's Envoys.
 * The gateway must be in the state. Pure: no clock, no I/O, no randomness; equal arguments give equal results on every replica.
 */
export function compile(state: State, gatewayName: string, live: Live): Compiled {
  const provenance = new Provenance()
  const row = find(state, 'Gateway', gatewayName)
  if (row === undefined) throw new Error(`there is no gateway ${gatewayName} at revision ${state.revision}`)
  const gateway: GatewayContext = {
    name: gatewayName,
    spec: effective<EffectiveGateway>(GatewaySpec, row.document.spec),
  }
  const routes = routesOf(state, gateway)
  const resources: Resources = new Map(Object.values(typeUrls).map((type) => [type, new Map()]))
  addClusters(resources, state, routes, live, provenance)
  addListeners(resources, gateway, routes, live, provenance)
  return { resources, problems: problemsOf(routes), provenance }
}

function problemsOf(routes: readonly GatewayRoute[]): CompileProblem[] {
  return routes
    .filter(({ missing }) => missing.length > 0)
    .map(({ name, missing }) => {
      const message = `names ${missing.join(', ')}, which cannot be read; every request gets a 503`
      return { kind: 'Route', name, message }
    })
}

function addClusters(
  resources: Resources,
  state: State,
  routes: readonly GatewayRoute[],
  live: Live,
  provenance: Provenance,
): void {
  const names = new Set(routes.flatMap(clustersOf))
  for (const name of [...names].sort(compareNames)) {
    const row = find(state, 'Cluster', name)
    if (row === undefined) continue
    const { messages, origins } = writtenCluster(row.document, state, live)
    add(resources, typeUrls.cluster, name, messages.cluster)
    provenance.add(typeUrls.cluster, name, [origins])
    if (messages.endpoints === undefined) continue
    add(resources, typeUrls.endpoints, name, messages.endpoints)
    provenance.add(typeUrls.endpoints, name, [[row.document]])
  }
  add(
    resources,
    typeUrls.cluster,
    rateLimitCluster,
    serviceCluster(rateLimitCluster, live.services.ratelimit),
  )
}

function addListeners(
  resources: Resources,
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
  live: Live,
  provenance: Provenance,
): void {
  for (const spec of gateway.spec.listeners.filter(isOpen)) {
    const name = `${gateway.name}/${spec.name}`
    const own = routes.filter((route) => route.listeners.has(spec.name))
    const message = listener(name, spec, gateway, live)
    add(resources, typeUrls.listener, message.name, message)
    add(resources, typeUrls.route, name, routeConfiguration(name, gateway, own))
    const origin = { kind: 'Gateway', name: gateway.name }
    provenance.add(typeUrls.listener, message.name, [[origin]])
    provenance.add(typeUrls.route, name, [[origin], ...own.map((route) => route.origins)])
  }
}

function add(resources: Resources, type: TypeUrl, name: string, message: { [field: string]: unknown }): void {
  resources.get(type)!.set(name, message)
}
