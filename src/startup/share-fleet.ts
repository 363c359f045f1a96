import { createAnnouncements } from '../control/announcements.ts'
import type { Controller } from '../control/controller.ts'
import { createSharedFleet, type SharedFleet } from '../control/shared-fleet.ts'
import { announcedChannel, fleetChannel, retryChannel } from '../store/locks.ts'
import type { Store } from '../store/store.ts'
import type { XdsServer } from '../xds/server.ts'
import { replicaName } from './addresses.ts'
import type { StartContext } from './start-context.ts'

/** What is to be done when something was told on a NOTIFY channel, or may have been. */
type Hints = Record<string, (told?: string) => void>

export interface FleetOfAll {
  shared: SharedFleet
  hints: Hints
}

/** Makes the fleet that of all replicas: how far each other's Envoys are, and where those are that others forward to. */
export async function shareFleet(
  { settings, shutdown, observe }: StartContext,
  {
    store,
    xds,
    xdsPort,
    controller,
  }: { store: Store; xds: XdsServer; xdsPort: number; controller: Controller },
): Promise<FleetOfAll> {
  const announcements = await createAnnouncements({
    fleet: xds.fleet,
    table: store.exchangeAnnouncements,
    onChange: controller.announce,
    observe,
    signal: shutdown.signal,
  })
  shutdown.add('addresses of the Envoys', announcements.close)
  const name = replicaName(settings.xdsAddr, xdsPort)
  let shared: SharedFleet | undefined
  const { record, others, changedElsewhere } = xds.share(name, () => shared?.changed())
  shared = await createSharedFleet({
    ...{ name, record, others, onChange: changedElsewhere, table: store.exchangeFleet },
    ...{ ask: store.askRetry, tryAgain: xds.retry, observe },
  })
  shutdown.add('Envoys of all replicas', shared.close)
  const hints = {
    [announcedChannel]: announcements.hint,
    [fleetChannel]: shared.hint,
    [retryChannel]: shared.asked,
  }
  return { shared, hints }
}
