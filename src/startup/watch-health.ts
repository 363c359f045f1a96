import type { Controller } from '../control/controller.ts'
import { createHealth, type Health } from '../control/health/health.ts'
import type { Gauges } from '../observers/metrics.ts'
import { healthAskedChannel, healthToldChannel } from '../store/locks.ts'
import type { Store } from '../store/store.ts'
import type { XdsServer } from '../xds/server.ts'
import type { looksAt } from './local-envoys.ts'
import type { StartContext } from './start-context.ts'

/** Notes what Envoys say of their clusters, and asks other replicas what was said to those. */
export function watchHealth(
  { shutdown, observe }: StartContext,
  parts: {
    name: string
    store: Store
    xds: XdsServer
    controller: Controller
    gauges: Gauges
    hosts: ReturnType<typeof looksAt>['hosts']
  },
): { health: Health; hints: Record<string, (told?: string) => void> } {
  const { name, store, xds, controller, gauges, hosts } = parts
  const health = createHealth({ name, xds, controller, table: store.healthAnswers, hosts, observe })
  gauges.clusterHosts = health.worst
  gauges.clustersPassedOver = health.passedOver
  shutdown.add('health of clusters', async () => health.close())
  const { asked, told } = health.desk
  return { health, hints: { [healthAskedChannel]: asked, [healthToldChannel]: told } }
}
