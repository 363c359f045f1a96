import type { HealthAnswers } from '../../model/health-answers.ts'
import type { Observe } from '../../observe.ts'
import type { FleetItem } from '../../xds/fleet-item.ts'
import type { XdsServer } from '../../xds/server.ts'
import type { Controller } from '../controller.ts'
import { createHealthDesk, type HealthDesk } from './desk.ts'
import { factsOf } from './facts.ts'
import { HeardHealth, staleMs } from './heard.ts'
import { type HealthNews, HealthTurns } from './news.ts'

export interface Health {
  desk: HealthDesk
  /** Calls back when a cluster falls ill or is well again, by what Envoys tell this replica: where there are several, each hears each Envoy in turns. */
  follow(listener: (news: HealthNews) => void): void
  /** The fewest healthy hosts and the most ejected ones that any Envoy tells of lately, by gateway and cluster. */
  worst(): WorstHosts[]
  /** How often what was told was passed over. */
  passedOver(): number
  close(): void
}

export interface WorstHosts {
  readonly gateway: string
  readonly cluster: string
  readonly healthy: number
  readonly ejected: number
}

/** How clusters are, by what Envoys stream. */
export function createHealth(options: {
  name: string
  xds: Pick<XdsServer, 'onStats' | 'fleet'>
  controller: Pick<Controller, 'made' | 'gateways'>
  table: HealthAnswers
  hosts(item: FleetItem, cluster: string): Promise<ReadonlyMap<string, string> | undefined>
  observe: Observe
}): Health {
  const { name, xds, controller, table, hosts, observe } = options
  const heard = new HeardHealth()
  const turns = new HealthTurns()
  const followers = new Set<(news: HealthNews) => void>()

  function tell(news: HealthNews): void {
    observe({ event: 'cluster_health', ...news })
    for (const follower of followers) follower(news)
  }

  xds.onStats((teller, { clusters }) => {
    const changes = heard.hear(teller, clusters, performance.now())
    const resources = controller.made(teller.gateway)?.compiled.resources
    for (const [before, now] of changes) {
      const news = turns.turn(before, now, () => factsOf(resources, now.cluster))
      if (news !== undefined) tell(news)
    }
  })
  const timer = setInterval(() => turns.forget(performance.now()), staleMs)
  timer.unref()

  const desk = createHealthDesk({ name, heard, fleet: xds.fleet.list, controller, table, hosts, observe })
  return {
    desk,
    follow: (listener) => void followers.add(listener),
    worst: () => worstOf(heard, performance.now()),
    passedOver: () => heard.passedOver,
    close: () => clearInterval(timer),
  }
}

function worstOf(heard: HeardHealth, now: number): WorstHosts[] {
  const worst = new Map<string, WorstHosts>()
  for (const { gateway, cluster, at, gauges } of heard.of()) {
    if (at < now - staleMs || cluster.includes('_')) continue
    const key = JSON.stringify([gateway, cluster])
    const known = worst.get(key)
    const healthy = Math.min(gauges.membership_healthy ?? 0, known?.healthy ?? Number.POSITIVE_INFINITY)
    const ejected = Math.max(gauges['outlier_detection.ejections_active'] ?? 0, known?.ejected ?? 0)
    worst.set(key, { gateway, cluster, healthy, ejected })
  }
  return [...worst.values()]
}
