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
  // Too soon over to be seen at all replicas at once.
  { name: 'failed over by order', break: () => watched.failover(), isFelt: false, forgets: true },
  {
    name: 'frozen, and failed over',
    // It was the replica before.
    break: async () => process.kill(watched.replica.pid, 'SIGSTOP'),
    forgets: true,
  },
]

describe('the primary that a Sentinel watches fails under load', () => {
  for (const outage of outages) test(outage.name, (t) => goThrough(t, fleet, outage))
})
