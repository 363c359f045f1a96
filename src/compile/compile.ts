import { type Resources, type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import type { ClusterSpec } from '../model/cluster.ts'
import { effective } from '../model/effective.ts'
import { type EffectiveGateway, GatewaySpec } from '../model/gateway.ts'
import { rateLimitCluster } from '../model/service-clusters.ts'
import { compareNames, find, type State } from '../model/state.ts'
import { policyKinds } from '../policies/index.ts'
import type { GatewayContext } from '../policies/policy-kind.ts'
import { writtenCluster } from './cluster/written-cluster.ts'
import { listener } from './listener.ts'
import type { Live } from './live.ts'
import { collectorsOf } from './observing/observing.ts'
import { Provenance } from './provenance.ts'
import { routeConfiguration } from './routing/route-configuration.ts'
import { type GatewayRoute, routesOf } from './routing/routes-of.ts'
import { serviceCluster } from './service-cluster.ts'
import { clusterSecrets, listenerSecrets, rootsSecret } from './tls/names.ts'
import { secretMessage } from './tls/secret.ts'

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
  addClusters(resources, state, gateway, routes, live, provenance)
  addListeners(resources, state, gateway, routes, live, provenance)
  addExtensions(resources, state, gateway, routes, provenance)
  const unread = addSecrets(resources, state, gateway, live, provenance)
  return { resources, problems: [...problemsOf(state, routes), ...unread], provenance }
}

function problemsOf(state: State, routes: readonly GatewayRoute[]): CompileProblem[] {
  return routes
    .filter(({ missing }) => missing.length > 0)
    .map(({ name, missing }) => {
      const why = missing.map((id) => `${id}, which ${reasonOf(state, id)}`)
      return { kind: 'Route', name, message: `names ${why.join(', ')}; every request gets a 503` }
    })
}

/** Why a row that is written is not there. */
function reasonOf({ leftOut }: State, id: string): string {
  return leftOut?.has(id) ? 'Envoy refuses' : 'cannot be read'
}

function addClusters(
  resources: Resources,
  state: State,
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
  live: Live,
  provenance: Provenance,
): void {
  const names = new Set([...routes.flatMap(({ clusters }) => clusters), ...collectorsOf(gateway.spec)])
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
  state: State,
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
  live: Live,
  provenance: Provenance,
): void {
  for (const spec of gateway.spec.listeners) {
    const name = `${gateway.name}/${spec.name}`
    const own = routes.filter((route) => route.listeners.has(spec.name))
    const message = listener(name, spec, gateway, state, live)
    add(resources, typeUrls.listener, message.name, message)
    add(resources, typeUrls.route, name, routeConfiguration(name, gateway, own))
    const origin = { kind: 'Gateway', name: gateway.name }
    provenance.add(typeUrls.listener, message.name, [[origin]])
    provenance.add(typeUrls.route, name, [[origin], ...own.map((route) => route.origins)])
  }
}

/** The configurations of filters that come by ECDS; where nothing listens, nobody asks for them. */
function addExtensions(
  resources: Resources,
  state: State,
  gateway: GatewayContext,
  routes: readonly GatewayRoute[],
  provenance: Provenance,
): void {
  if (resources.get(typeUrls.listener)!.size === 0) return
  const served = routes.filter(({ closed }) => !closed)
  for (const kind of policyKinds) {
    if (kind.extensions === undefined) continue
    const met = served.map(({ name, policies }) => ({
      name,
      policies: policies.filter((each) => each.kind === kind).flatMap(({ named }) => named),
    }))
    const context = { gateway, routes: met, hostOf: (cluster: string) => hostOf(state, cluster) }
    const names = new Set(met.flatMap(({ policies }) => policies.map(({ name }) => name)))
    const origins = [...names].map((name) => ({ kind: kind.kind, name }))
    for (const [name, typed_config] of Object.entries(kind.extensions(context))) {
      add(resources, typeUrls.extension, name, { name, typed_config })
      provenance.add(typeUrls.extension, name, [origins])
    }
  }
}

function hostOf(state: State, cluster: string): string {
  const spec = find(state, 'Cluster', cluster)?.document.spec as ClusterSpec | undefined
  return spec?.tls?.sni ?? cluster
}

/**
 * The secrets that the listeners and clusters of these resources ask for, and no others. Answers with what cannot be
 * served since its row cannot be read.
 */
function addSecrets(
  resources: Resources,
  state: State,
  gateway: GatewayContext,
  live: Live,
  provenance: Provenance,
): CompileProblem[] {
  const clusters = [...resources.get(typeUrls.cluster)!.keys()]
  const names = new Set([
    ...gateway.spec.listeners.flatMap(({ tls }) => listenerSecrets(tls)),
    ...clusters.flatMap((name) =>
      clusterSecrets((find(state, 'Cluster', name)?.document.spec as ClusterSpec | undefined)?.tls),
    ),
  ])
  const problems: CompileProblem[] = []
  for (const name of [...names].sort(compareNames)) {
    const { message, origin } = secretMessage(name, state, live)
    add(resources, typeUrls.secret, name, message)
    if (origin !== undefined) provenance.add(typeUrls.secret, name, [[origin]])
    else if (name !== rootsSecret) {
      const reason = reasonOf(state, `Certificate/${name.slice(name.indexOf('/') + 1)}`)
      const text = `needs the secret ${name}, whose Certificate ${reason}; a placeholder takes its place`
      problems.push({ kind: 'Gateway', name: gateway.name, message: text })
    }
  }
  return problems
}

function add(resources: Resources, type: TypeUrl, name: string, message: { [field: string]: unknown }): void {
  resources.get(type)!.set(name, message)
}
