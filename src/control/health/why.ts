import type { Gauges } from '../../xds/cluster-stats.ts'

/**
 * Why an Envoy leaves an endpoint alone. Its stats say only that it does, and how many endpoints of the cluster fail their
 * checks and how many are ejected; `unhealthy` is where it may be either.
 */
export const whys = ['failed_health_check', 'ejected', 'degraded', 'unhealthy'] as const
export type Why = (typeof whys)[number]

/** How many endpoints are left alone for each reason, one for two reasons perhaps. */
export type Numbers = Readonly<Record<Exclude<Why, 'unhealthy'>, number>>

/** By what an Envoy says of a cluster. Endpoints that are drained count as healthy where only their checks are asked. */
export function numbersOf(gauges: Gauges): Numbers {
  const { membership_total: total = 0, membership_degraded: degraded = 0 } = gauges
  const passing = gauges['health_check.healthy']
  return {
    failed_health_check: passing === undefined ? 0 : Math.max(0, total - passing),
    ejected: gauges['outlier_detection.ejections_active'] ?? 0,
    degraded,
  }
}

/**
 * What is known of each endpoint, by what the Envoy says now and what was known before: those that came to be left alone
 * together have the reason whose number grew; and where one reason is left, it is that of all.
 */
export function whyLeftAlone(
  gauges: Gauges,
  endpoints: ReadonlyMap<string, boolean>,
  before: { gauges: Gauges; endpoints: ReadonlyMap<string, 'healthy' | Why> | undefined } | undefined,
): ReadonlyMap<string, 'healthy' | Why> {
  const same = before?.endpoints
  // So it is nearly always.
  if (
    same?.size === endpoints.size &&
    endpoints.entries().every(([at, healthy]) => healthy && same.get(at) === 'healthy')
  ) {
    return same
  }
  const numbers = numbersOf(gauges)
  const known = before?.endpoints ?? new Map<string, 'healthy' | Why>()
  const left = [...endpoints].flatMap(([address, healthy]) => (healthy ? [] : [address]))
  const fresh = left.filter((address) => known.get(address) === 'healthy')
  const grown =
    before === undefined ? undefined : reasonThatGrew(numbersOf(before.gauges), numbers, fresh.length)
  const found = new Map(
    left.map((address): [string, Why] => {
      const word = known.get(address)
      if (word === 'healthy') return [address, grown ?? 'unhealthy']
      return [address, word ?? 'unhealthy']
    }),
  )
  const settled = settle(numbers, found)
  return new Map(
    [...endpoints].map(([address, healthy]) => [address, healthy ? 'healthy' : settled.get(address)!]),
  )
}

/** The one reason for which as many more are left alone as there are new ones. */
function reasonThatGrew(before: Numbers, now: Numbers, fresh: number): Why | undefined {
  const grown = reasons.filter((reason) => now[reason] > before[reason])
  const [only] = grown
  return only !== undefined && grown.length === 1 && now[only] - before[only] === fresh ? only : undefined
}

const reasons = ['failed_health_check', 'ejected', 'degraded'] as const

/** Takes back what cannot be any more, and says of those of whom nothing is known what alone is left for all of them. */
export function settle(numbers: Numbers, found: ReadonlyMap<string, Why>): Map<string, Why> {
  const words = new Map(found)
  const having = (reason: Why) => [...words].flatMap(([address, why]) => (why === reason ? [address] : []))
  for (const reason of reasons) {
    const those = having(reason)
    if (those.length > numbers[reason]) for (const address of those) words.set(address, 'unhealthy')
  }
  const unknown = having('unhealthy')
  const left = reasons.map((reason) => ({ reason, left: numbers[reason] - having(reason).length }))
  const open = left.filter(({ left }) => left > 0)
  const all = reasons.find((reason) => numbers[reason] >= words.size)
  const only = open.length === 1 && open[0]!.left >= unknown.length ? open[0]!.reason : undefined
  const word = all ?? only
  if (word !== undefined) for (const address of unknown) words.set(address, word)
  return words
}
