import { timeoutWithoutOne } from '../../model/breaker-descriptor.ts'
import type { Document } from '../../model/document.ts'
import { durationText, milliseconds } from '../../model/duration.ts'
import type { Warning } from '../../model/pending.ts'
import { effectiveRetry } from '../../model/retry.ts'
import type { RouteSpec } from '../../model/route-spec.ts'
import { all, type State } from '../../model/state.ts'
import type { OutlierDetectionSpec } from './schema.ts'
import { clustersWith, strictBreakerOf } from './strict.ts'

type Told = Omit<Warning, 'kind' | 'name'>

/** What the writer of a route should know of the strict breakers of its clusters. */
export function routeWarnings({ kind, name, spec }: Document, state: State): Warning[] {
  const route = spec as RouteSpec
  const strict = (route.forward ?? []).find(({ cluster }) => strictBreakerOf(state, cluster) !== undefined)
  if (strict === undefined) return []
  return odd(route).map(({ field, says, effect }) => ({
    ...{ kind, name, pointer: `/spec/${field}`, effect },
    message: `${says}, and cluster ${strict.cluster} has a strict breaker`,
  }))
}

interface Odd {
  field: 'retry' | 'timeout'
  says: string
  effect: string
}

/** What of a route goes ill with a strict breaker. */
function odd({ retry, timeout }: RouteSpec): Odd[] {
  const found: Odd[] = []
  if (retry !== undefined) {
    const tries = effectiveRetry(retry).attempts + 1
    const effect = `a request is one outcome, its last, for up to ${tries} that the cluster gets, while it is probed, too`
    found.push({ field: 'retry', says: `the route tries up to ${tries} times`, effect })
  }
  const length = timeout === undefined ? undefined : milliseconds(timeout)
  if (length === 0 || (length !== undefined && length > timeoutWithoutOne)) {
    const text = durationText(length === 0 ? timeoutWithoutOne : length)
    const effect = `a probe that got no answer, or whose Envoy died, holds its place for ${text} and 5s, and all others are refused`
    const says = length === 0 ? 'the route has no timeout' : `the route has a timeout of ${text}`
    found.push({ field: 'timeout', says, effect })
  }
  return found
}

/** What the writer of a policy should know of where its breaker is in force, and of where it leads to. */
export function warnings({ kind, name, spec }: Document, state: State): Warning[] {
  const { breaker } = spec as OutlierDetectionSpec
  if (breaker === undefined) return []
  const clusters = new Set(clustersWith(state, name).map((each) => each.name))
  const met = ofRoutes(clusters, state).map((each) => ({ pointer: '/spec/breaker', ...each }))
  return [...met, ...ofFallback(breaker.fallback?.cluster, state)].map((told) => ({ kind, name, ...told }))
}

/** What the writer of a cluster should know of the routes to it. */
export function clusterWarnings({ kind, name }: Document, state: State): Warning[] {
  if (strictBreakerOf(state, name) === undefined) return []
  const told = ofRoutes(new Set([name]), state)
  return told.map((each) => ({ kind, name, pointer: '/spec/outlierDetection', ...each }))
}

/** One for each thing that is odd, whatever the number of routes. */
function ofRoutes(clusters: ReadonlySet<string>, state: State): Omit<Told, 'pointer'>[] {
  if (clusters.size === 0) return []
  const found = all(state, 'Route').flatMap(({ document: { name, spec } }) => {
    const route = spec as RouteSpec
    const meets = route.forward?.some(({ cluster }) => clusters.has(cluster)) === true
    return meets ? odd(route).map((each) => ({ route: name, ...each })) : []
  })
  return [...Map.groupBy(found, ({ field }) => field).values()].map((same) => {
    const [{ route, says, effect }, ...others] = same as [(typeof same)[0], ...typeof same]
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`
    return { message: `${says}: Route/${route}${more}`, effect }
  })
}

function ofFallback(cluster: string | undefined, state: State): Told[] {
  if (cluster === undefined || strictBreakerOf(state, cluster) === undefined) return []
  const message = `cluster ${cluster} has a strict breaker itself`
  const effect = 'requests that come to it by this fallback do not ask it, and are no outcome of it'
  return [{ pointer: '/spec/breaker/fallback/cluster', message, effect }]
}
