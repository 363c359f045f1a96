import type { Message } from '../../envoy-api/types.ts'
import { timeoutWithoutOne } from '../../model/breaker-descriptor.ts'
import { milliseconds } from '../../model/duration.ts'
import type { EffectiveRoute } from '../../model/route-spec.ts'
import type { EffectiveBreaker } from '../../policies/outlier-detection/breaker.ts'
import { asks, isRefusedFor, mayGoElsewhere } from '../../policies/outlier-detection/filters.ts'
import type { StrictBreaker } from '../breakers.ts'
import { headerOperations } from './header-operations.ts'
import type { GatewayRoute } from './routes-of.ts'

/**
 * The Envoy routes of one of ours with the strict breakers of its clusters: each that forwards to one asks for it, and has
 * a twin before it for each fallback. Envoy comes by a second time when the breaker is open, and only then the twin takes
 * the request, which so meets what the route does to it, but for where it goes.
 */
export function withBreakers({ spec, breakers }: GatewayRoute, messages: readonly Message[]): Message[] {
  if (breakers.length === 0) return [...messages]
  return messages.flatMap((message): Message[] => {
    const met = breakers.filter(({ cluster }) => clustersOf(message).includes(cluster))
    if (met.length === 0) return [message]
    return [...met.flatMap((strict) => twinsOf(message, spec, strict)), asking(message, spec, met)]
  })
}

/** Whose policy it is where the breaker refuses a request of a cluster (`refusers.ts`). */
export function breakerRefusers({ breakers }: GatewayRoute): Record<string, string> {
  return Object.fromEntries(breakers.map(({ cluster, policy }) => [cluster, policy]))
}

interface WeightedClusters {
  clusters: { name: string; typed_per_filter_config?: Message }[]
}

function clustersOf({ route }: Message): string[] {
  const { cluster, weighted_clusters } = (route ?? {}) as Message
  if (cluster !== undefined) return [cluster as string]
  return (weighted_clusters as WeightedClusters | undefined)?.clusters.map(({ name }) => name) ?? []
}

/** Of a split those parts ask that have a breaker. */
function asking(message: Message, spec: EffectiveRoute, met: readonly StrictBreaker[]): Message {
  const elsewhere = met.some(({ breaker }) => breaker.fallback !== undefined) ? mayGoElsewhere() : {}
  const own = { ...(message.typed_per_filter_config as Message | undefined), ...elsewhere }
  const route = message.route as Message
  const configs = new Map(met.map(({ cluster, breaker }) => [cluster, question(spec, breaker)]))
  if (route.weighted_clusters === undefined) {
    const question = configs.get(route.cluster as string)
    return { ...message, typed_per_filter_config: { ...own, ...question } }
  }
  const split = route.weighted_clusters as WeightedClusters
  const clusters = split.clusters.map((part) => {
    const question = configs.get(part.name)
    return question === undefined
      ? part
      : { ...part, typed_per_filter_config: { ...part.typed_per_filter_config, ...question } }
  })
  return {
    ...message,
    route: { ...route, weighted_clusters: { ...split, clusters } },
    ...(Object.keys(own).length > 0 && { typed_per_filter_config: own }),
  }
}

/** A timeout of 0s is none. */
function question(
  { timeout }: EffectiveRoute,
  { slowerThan, fallback }: EffectiveBreaker,
): Record<string, Message> {
  const length = timeout === undefined ? 0 : milliseconds(timeout)
  return asks({
    timeoutMs: length === 0 ? timeoutWithoutOne : length,
    timed: slowerThan !== undefined,
    elsewhere: fallback !== undefined,
  })
}

function twinsOf(message: Message, spec: EffectiveRoute, strict: StrictBreaker): Message[] {
  const { fallback } = strict.breaker
  if (fallback === undefined) return []
  const { route, match, ...rest } = message
  const narrowed = { ...(match as Message), dynamic_metadata: [isRefusedFor(strict.cluster)] }
  const { cluster, respond } = fallback
  if (cluster !== undefined) {
    const { cluster: _, weighted_clusters, hash_policy, ...others } = route as Message
    return [{ ...rest, match: narrowed, route: { cluster, ...others } }]
  }
  const { status, body = '' } = respond!
  return [
    {
      ...{ ...rest, match: narrowed },
      ...headerOperations({ ...spec, respond }, []),
      direct_response: { status, ...(body !== '' && { body: { inline_string: body } }) },
    },
  ]
}
