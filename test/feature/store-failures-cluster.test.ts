import { after, before, describe, test } from 'node:test'
import { allCounters } from '../../src/ratelimit/stores/redis/counter-key.ts'
import { type LimitedFleet, startLimitedFleet } from '../support/limited-fleet.ts'
import { goThrough, type Outage } from '../support/store-outage.ts'
import { until } from '../support/until.ts'
import {
  type ClusterNode,
  moveSlot,
  startValkeyCluster,
  type ValkeyCluster,
} from '../support/valkey-cluster.ts'

let cluster: ValkeyCluster
let fleet: LimitedFleet
before(async () => {
  cluster = await startValkeyCluster(3, 3)
  fleet = await startLimitedFleet(cluster.url)
})
after(async () => {
  await fleet?.stop()
  await cluster?.stop()
})

/** The primary that has the counter of the load, and its slot. */
async function counterAt(): Promise<{ node: ClusterNode; slot: number }> {
  for (const node of [...cluster.primaries, ...cluster.replicas]) {
    if (!/role:master/.test(await node.client.info('replication'))) continue
    const [key] = await node.client.keys(`${allCounters}*f`)
    if (key !== undefined) return { node, slot: await node.client.cluster('KEYSLOT', key) }
  }
  throw new Error('no node has the counter')
}

/** The replica of a primary, or the primary of one that took over. */
function partnerOf(node: ClusterNode): ClusterNode {
  const { primaries, replicas } = cluster
  const index = primaries.indexOf(node)
  return index === -1 ? primaries[replicas.indexOf(node)]! : replicas[index]!
}

async function tookOver(node: ClusterNode): Promise<void> {
  await until('it took over', async () => /role:master/.test(await node.client.info('replication')), 40)
}

const outages: Outage[] = [
  {
    name: 'a slot moves, and back again',
    async break() {
      const { node, slot } = await counterAt()
      const other = cluster.primaries.find((each) => each !== node)!
      await moveSlot(slot, node, other, cluster.primaries)
      await moveSlot(slot, other, node, cluster.primaries)
    },
    isFelt: false,
  },
  {
    name: 'failed over by order',
    async break() {
      const { node } = await counterAt()
      const replica = partnerOf(node)
      await replica.client.call('CLUSTER', 'FAILOVER')
      await tookOver(replica)
    },
    isFelt: false,
  },
  {
    name: 'failed over after a death',
    async break() {
      const { node } = await counterAt()
      await until('there is one to take over', async () =>
        /slave0:.*state=online/.test(await node.client.info('replication')),
      )
      await node.stop()
    },
    forgets: true,
  },
]

describe('a cluster fails under load, in part', () => {
  for (const outage of outages) test(outage.name, (t) => goThrough(t, fleet, outage))
})
