import type { ClusterHealth, EndpointHealth, EndpointState, EnvoyHealth } from '../../model/cluster-health.ts'
import { endpointStates } from '../../model/cluster-health.ts'
import { isInPanic } from '../../model/panic.ts'
import { timeOf } from '../fleet-events.ts'
import type { ClusterFacts } from './facts.ts'
import { silentMs } from './heard.ts'
import { numbersOf, settle, type Why } from './why.ts'
import type { Word } from './word.ts'

/** An Envoy that has the cluster. */
export interface Member {
  readonly gateway: string
  readonly id: string
  readonly replica?: string | undefined
}

/** How a cluster is by the word of one Envoy; `now` in milliseconds since 1970. */
export function envoyHealth(
  member: Member,
  word: Word | undefined,
  facts: ClusterFacts,
  now: number,
): EnvoyHealth {
  const { gateway, id, replica } = member
  const who = { gateway, id, ...(replica !== undefined && { replica }) }
  if (word === undefined) return { ...who, state: 'untold' }
  const isAsked = word.asked !== undefined
  const endpoints = isAsked ? askedEndpoints(word.asked!) : toldEndpoints(word, facts)
  const hosts = isAsked ? countedHosts(word, endpoints!) : toldHosts(word, facts)
  return {
    ...who,
    state: isAsked || word.age <= silentMs ? 'told' : 'silent',
    by: isAsked ? 'admin' : 'stats',
    at: timeOf(isAsked ? now : now - word.age),
    hosts,
    panic: hosts.total > 0 && isInPanic({ ...hosts, excluded: hosts.excluded + hosts.draining }, facts),
    ...(endpoints !== undefined && { endpoints }),
    figures: figuresOf(word, now),
  }
}

type Hosts = NonNullable<EnvoyHealth['hosts']>

function toldHosts({ gauges, endpoints }: Word, { draining }: ClusterFacts): Hosts {
  const numbers = numbersOf(gauges)
  const checked = gauges['health_check.healthy'] !== undefined
  const has = endpoints === undefined ? [...draining] : Object.keys(endpoints)
  const drained = has.filter((address) => draining.has(address)).length
  return {
    total: gauges.membership_total ?? 0,
    healthy: gauges.membership_healthy ?? 0,
    degraded: numbers.degraded,
    // Envoy counts those that drain among them.
    excluded: Math.max(0, (gauges.membership_excluded ?? 0) - drained),
    ...(checked && { failedHealthCheck: numbers.failed_health_check }),
    ejected: numbers.ejected,
    draining: drained,
  }
}

/** By what the admin interface says of each; only whether there are checks is known by the stats alone. */
function countedHosts({ gauges }: Word, endpoints: readonly EndpointHealth[]): Hosts {
  const count = (...states: EndpointState[]) => endpoints.filter(({ state }) => states.includes(state)).length
  const checked = gauges['health_check.healthy'] !== undefined
  return {
    total: endpoints.length,
    healthy: count('healthy'),
    degraded: count('degraded'),
    excluded: count('excluded'),
    ...(checked && { failedHealthCheck: count('failed_health_check', 'failed_and_ejected') }),
    ejected: count('ejected', 'failed_and_ejected'),
    draining: count('draining'),
  }
}

function askedEndpoints(asked: Readonly<Record<string, string>>): EndpointHealth[] {
  return sorted(
    Object.entries(asked).map(([address, word]) => {
      return { address, state: endpointStates.find((state) => state === word) ?? 'unhealthy' }
    }),
  )
}

function toldEndpoints(
  { gauges, endpoints }: Word,
  { draining }: ClusterFacts,
): EndpointHealth[] | undefined {
  if (endpoints === undefined) return undefined
  const left = Object.entries(endpoints).filter(
    ([address, word]) => word !== 'healthy' && !draining.has(address),
  )
  const settled = settle(numbersOf(gauges), new Map(left as [string, Why][]))
  return sorted(
    Object.entries(endpoints).map(([address, word]) => {
      if (word === 'healthy') return { address, state: word }
      return { address, state: draining.has(address) ? ('draining' as const) : settled.get(address)! }
    }),
  )
}

function sorted(endpoints: EndpointHealth[]): EndpointHealth[] {
  return endpoints.sort((a, b) => (a.address < b.address ? -1 : 1))
}

function figuresOf(
  { gauges, counts, age, countedFor }: Word,
  now: number,
): NonNullable<EnvoyHealth['figures']> {
  const full = [
    ['connections', gauges['circuit_breakers.default.cx_open']],
    ['requests', gauges['circuit_breakers.default.rq_open']],
    ['pending', gauges['circuit_breakers.default.rq_pending_open']],
    ['retries', gauges['circuit_breakers.default.rq_retry_open']],
  ] as const
  return {
    at: timeOf(now - age),
    since: timeOf(now - countedFor),
    ejections: {
      active: gauges['outlier_detection.ejections_active'] ?? 0,
      counted: counts['outlier_detection.ejections_enforced_total'] ?? 0,
    },
    healthChecks: {
      attempts: counts['health_check.attempt'] ?? 0,
      failures: counts['health_check.failure'] ?? 0,
    },
    requests: {
      active: gauges.upstream_rq_active ?? 0,
      pending: gauges.upstream_rq_pending_active ?? 0,
      overflowed: counts.upstream_rq_pending_overflow ?? 0,
      retriesOverflowed: counts.upstream_rq_retry_overflow ?? 0,
      inPanic: counts.lb_healthy_panic ?? 0,
    },
    connectionsOverflowed: counts.upstream_cx_overflow ?? 0,
    poolsFull: full.flatMap(([pool, open]) => (open === undefined || open === 0 ? [] : [pool])),
  }
}

export type Trouble = Exclude<ClusterHealth['state'], 'unknown'>

/** How bad it is by what one Envoy tells; what it told before it fell silent does not count. */
export function troubleOf({ hosts, panic, figures, state }: EnvoyHealth): Trouble | undefined {
  if (state !== 'told' || hosts === undefined) return undefined
  if (hosts.healthy + hosts.degraded === 0 && panic !== true) return 'down'
  if (panic === true) return 'panic'
  const isLeftAlone = hosts.healthy < hosts.total - hosts.draining
  return isLeftAlone || (figures?.poolsFull.length ?? 0) > 0 ? 'impaired' : 'healthy'
}

const fromBest: readonly Trouble[] = ['healthy', 'impaired', 'panic', 'down']

/** The worst that any of them tells. */
export function worstOf(envoys: readonly EnvoyHealth[]): ClusterHealth['state'] {
  const found = envoys.map(troubleOf)
  return fromBest.findLast((trouble) => found.includes(trouble)) ?? 'unknown'
}
