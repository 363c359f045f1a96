import { after, before, describe, test } from 'node:test'
import { type LimitedFleet, startLimitedFleet } from '../support/limited-fleet.ts'
import { goThrough, type Outage } from '../support/store-outage.ts'
import { startWatchedValkey, type WatchedValkey } from '../support/valkey-sentinel.ts'

let watched: WatchedValkey
let fleet: LimitedFleet
before(async () => {
  watched = await startWatchedValkey()
  fleet = await startLimitedFleet(watched.url)
})
after(async () => {
  await fleet?.stop()
  await watched?.stop()
})

const outages: Outage[] = [
  { name: 'failed over by order', break: () => watched.failover(), forgets: true },
  // It was the replica before.
  { name: 'failed over after a death', break: () => watched.replica.stop(), forgets: true },
]

describe('the primary that a Sentinel watches fails under load', () => {
  for (const outage of outages) test(outage.name, (t) => goThrough(t, fleet, outage))
})
