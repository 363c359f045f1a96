import { type Message, type Resources, type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import { effective } from '../model/effective.ts'
import { type EffectiveGateway, GatewaySpec } from '../model/gateway.ts'
import { rateLimitCluster } from '../model/service-clusters.ts'
import { compareNames, find, type State } from '../model/state.ts'
import type { GatewayContext } from '../policies/policy-kind.ts'
import { type StrictBreaker, strictBreakers } from './breakers.ts'
import { type WrittenClusters, writtenClusters } from './cluster/written-clusters.ts'
import type { Compiled, CompileProblem } from './compile.ts'
import { type CompiledExtension, extensionsOf } from './extensions.ts'
import { type CompiledListener, listenersOf } from './listeners.ts'
import type { Live } from './live.ts'
import { collectorsOf } from './observing/observing.ts'
import { Parts } from './parts.ts'
import { type Origins, Provenance } from './provenance.ts'
import { areSame } from './remembered.ts'
import { fallbacksOf, type GatewayRoute, routesOf } from './routing/routes-of.ts'
import { type CompiledSecret, secretsOf, unreadable } from './secrets.ts'
import { serviceCluster } from './service-cluster.ts'

export type Compiler = (state: State, live: Live) => Compiled

/** What a gateway consists of. */
interface Pieces {
  readonly gateway: GatewayContext
  readonly clusters: WrittenClusters
  readonly listeners: readonly CompiledListener[]
  readonly extensions: readonly CompiledExtension[]
  readonly secrets: readonly CompiledSecret[]
}

/**
 * `compile` for one gateway, to be called with one state after the other: gives what `compile` gives of each, and costs
 * what changed since the last one. What is the same is the very same object.
 */
export function createCompiler(name: string): Compiler {
  const parts = new Parts()
  let before: { live: Live; clusters: WrittenClusters } | undefined

  return (state, live) => {
    // What is not written has a part in nearly everything, and changes rarely.
    if (before !== undefined && !areSame(Object.values(before.live), Object.values(live))) {
      parts.forget()
      before = undefined
    }
    parts.turnTo(state)
    const gateway = parts.of('gateway', [], (rows) => gatewayOf(rows, name))
    // What is left out is read beside the rows, and rarely changes.
    const leftOut = [...(state.leftOut ?? [])].sort().join()
    const breakers = parts.of('breakers', [], strictBreakers, areSameBreakers)
    const make = (rows: State) => routesOf(rows, gateway, breakers)
    const routes = parts.of('routes', [gateway, leftOut, breakers], make, areSame)
    const names = parts.of('names', [gateway, routes], () => clusterNames(gateway, routes), areSame)
    const own = parts.of('own clusters', [], () => ownClusters(live))
    const clusters = writtenClusters(names, own, before?.clusters, parts, live)
    before = { live, clusters }
    const listeners = listenersOf(gateway, routes, parts, live)
    const extensions = extensionsOf(gateway, routes, parts, listeners.length > 0)
    const secrets = secretsOf(gateway, clusters.secrets, parts, live)
    const pieces = { gateway, clusters, listeners, extensions, secrets }
    const closed = parts.of('problems', [routes], (rows) => problemsOf(rows, routes))
    return {
      resources: resourcesOf(pieces, parts),
      problems: [...closed, ...unreadable(name, secrets)],
      provenance: new Provenance((type, resource) => behind(pieces, type, resource)),
    }
  }
}

/** Their clusters are their own. */
function areSameBreakers(a: ReadonlyMap<string, StrictBreaker>, b: ReadonlyMap<string, StrictBreaker>) {
  return areSame([...a.values()], [...b.values()])
}

function gatewayOf(state: State, name: string): GatewayContext {
  const row = find(state, 'Gateway', name)
  if (row === undefined) throw new Error(`there is no gateway ${name} at revision ${state.revision}`)
  return { name, spec: effective<EffectiveGateway>(GatewaySpec, row.document.spec) }
}

function clusterNames(gateway: GatewayContext, routes: readonly GatewayRoute[]): string[] {
  const forwarded = routes.flatMap((route) => [...route.clusters, ...fallbacksOf(route)])
  const names = new Set([...forwarded, ...collectorsOf(gateway.spec)])
  return [...names].sort(compareNames)
}

/** Those of weir's own services. */
function ownClusters(live: Live): ReadonlyMap<string, Message> {
  return new Map([[rateLimitCluster, serviceCluster(rateLimitCluster, live.services.ratelimit)]])
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

function resourcesOf({ clusters, listeners, extensions, secrets }: Pieces, parts: Parts): Resources {
  /** The very same map while all of it is the same. */
  const named = (type: TypeUrl, list: readonly { name: string; message: Message }[]) => {
    const messages = list.map(({ message }) => message)
    return parts.of(`type ${type}`, messages, () => new Map(list.map(({ name, message }) => [name, message])))
  }
  const configurations = listeners.map(({ configuration }) => configuration)
  return new Map<TypeUrl, ReadonlyMap<string, Message>>([
    [typeUrls.cluster, clusters.clusters],
    [typeUrls.endpoints, clusters.endpoints],
    [typeUrls.secret, named(typeUrls.secret, secrets)],
    [typeUrls.extension, named(typeUrls.extension, extensions)],
    [
      typeUrls.listener,
      named(
        typeUrls.listener,
        listeners.map(({ message }) => ({ name: message.name, message })),
      ),
    ],
    [
      typeUrls.route,
      named(
        typeUrls.route,
        configurations.map((message) => ({ name: message.name, message })),
      ),
    ],
  ])
}

function behind(pieces: Pieces, type: TypeUrl, resource: string): Origins {
  const { gateway, clusters, listeners, extensions, secrets } = pieces
  const row = { kind: 'Gateway', name: gateway.name }
  switch (type) {
    case typeUrls.cluster:
      return [clusters.written.get(resource)?.origins ?? []]
    case typeUrls.endpoints:
      return clusters.endpoints.has(resource) ? [[{ kind: 'Cluster', name: resource }]] : []
    case typeUrls.listener:
      return listeners.some(({ message }) => message.name === resource) ? [[row]] : []
    case typeUrls.route:
      return listeners
        .filter(({ configuration }) => configuration.name === resource)
        .flatMap(({ routes }) => [[row], ...routes.map(({ origins }) => origins)])
    case typeUrls.extension:
      return extensions.filter(({ name }) => name === resource).map(({ origins }) => origins)
    case typeUrls.secret:
      return secrets.filter(({ name }) => name === resource).map(({ origin }) => (origin ? [origin] : []))
  }
}
