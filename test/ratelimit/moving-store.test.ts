import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Hit, Taken } from '../../src/ratelimit/stores/counter-store.ts'
import { counterKey } from '../../src/ratelimit/stores/redis/counter-key.ts'
import { type OpenLink, openRedisLink } from '../../src/ratelimit/stores/redis/open-link.ts'
import { createRedisStore, type RedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { slotOfKey } from '../../src/ratelimit/stores/redis/slot.ts'
import { hitOn } from '../support/hits.ts'
import { until } from '../support/until.ts'
import { moveSlot, ownerOf, startValkeyCluster, type ValkeyCluster } from '../support/valkey-cluster.ts'
import { startWatchedValkey, type WatchedValkey } from '../support/valkey-sentinel.ts'

const hour = 3_600_000

/** Clients that ask for the same again and again. */
function load(t: TestContext, stores: readonly RedisStore[], hits: readonly Hit[], clients = 16) {
  const seen = { admitted: 0, denied: 0, errors: [] as string[], last: 'nothing yet' }
  let isOver = false
  const done = Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (!isOver) {
        try {
          const taken = await (stores[client % stores.length]!.take(hits) as Promise<Taken>)
          if (taken.admitted) seen.admitted++
          else seen.denied++
          seen.last = 'answered'
        } catch (error) {
          seen.errors.push(String(error))
          seen.last = 'failed'
        }
        await nextTurn()
      }
    }),
  )
  t.after(() => {
    isOver = true
  })
  return {
    seen,
    /** Until so many more were answered. */
    async more(count: number) {
      const goal = seen.admitted + seen.denied + count
      await until(`${count} more answers`, () => seen.admitted + seen.denied >= goal)
    },
    async stop() {
      isOver = true
      await done
    },
  }
}

async function open(url: string, links: OpenLink[]): Promise<RedisStore> {
  const link = openRedisLink(url)
  links.push(link)
  assert.deepEqual(await link.check(5_000), { reached: true })
  return createRedisStore({ link })
}

const hitOf = (name: string, limit: number, policy = 'p') =>
  hitOn(name, { algorithm: 'fixed_window', limit, windowMs: 24 * hour }, { policy })
const slotOf = ({ counter, rule }: Hit) => slotOfKey(counterKey(counter, rule.algorithm))

describe('a cluster whose slots and primaries move', () => {
  let cluster: ValkeyCluster
  const links: OpenLink[] = []
  before(async () => {
    cluster = await startValkeyCluster(3, 1)
  })
  after(async () => {
    for (const link of links) link.close()
    await cluster?.stop()
  })

  test('a slot moves under load: every request is answered, and each is counted once', async (t) => {
    const stores = await Promise.all([open(cluster.url, links), open(cluster.url, links)])
    const hits = [hitOf('moved', 1_000_000), hitOf('other', 1_000_000, 'q')]
    const running = load(t, stores, hits)
    await running.more(200)
    for (const hit of hits) {
      const from = await ownerOf(slotOf(hit), cluster.primaries)
      const to = cluster.primaries.find((each) => each !== from)!
      const moved = await moveSlot(slotOf(hit), from, to, cluster.primaries, () => running.more(200))
      assert.ok(moved >= 1)
      await running.more(200)
    }
    await running.stop()
    assert.deepEqual(running.seen.errors, [])
    for (const { policy, counter, rule } of hits)
      assert.equal((await stores[0]!.peek(policy, counter, rule))?.used, running.seen.admitted)
  })

  test('a new counter in a slot that is on its way begins where it goes to', async () => {
    const store = await open(cluster.url, links)
    const hit = hitOf('new', 3)
    const from = await ownerOf(slotOf(hit), cluster.primaries)
    const to = cluster.primaries.find((each) => each !== from)!
    const admitted: boolean[] = []
    await moveSlot(slotOf(hit), from, to, cluster.primaries, async () => {
      for (let time = 0; time < 4; time++) admitted.push((await store.take([hit])).admitted)
    })
    assert.deepEqual(admitted, [true, true, true, false])
    assert.equal((await store.peek('p', hit.counter, hit.rule))?.used, 3)
  })

  test('a replica takes over, by order and after a death: it is found, and too many are never admitted', async (t) => {
    const stores = await Promise.all([open(cluster.url, links), open(cluster.url, links)])
    const [primary] = cluster.primaries
    const [replica] = cluster.replicas
    let name = 0
    while ((await ownerOf(slotOf(hitOf(`at ${name}`, 1)), cluster.primaries)) !== primary) name++
    const hit = hitOf(`at ${name}`, 1_000_000)
    const running = load(t, stores, [hit])
    await running.more(200)
    await replica!.client.call('CLUSTER', 'FAILOVER')
    await until('the replica took over', async () =>
      /role:master/.test(await replica!.client.info('replication')),
    )
    await until('it is asked', async () =>
      (await replica!.client.info('clients')).includes('connected_clients'),
    )
    await running.more(200)
    await running.stop()
    // One whose answer was cut off may have been counted.
    const { admitted, errors } = running.seen
    const used = (await stores[0]!.peek('p', hit.counter, hit.rule))?.used ?? 0
    assert.ok(
      used >= admitted && used <= admitted + errors.length,
      `${used} of ${admitted} and ${errors.length}`,
    )

    await until('the old primary follows', async () =>
      /master_link_status:up/.test(await primary!.client.info('replication')),
    )
    const again = load(t, stores, [hit])
    await again.more(200)
    await replica!.stop()
    await until('calls fail', () => again.seen.last === 'failed')
    await until('it is answered again', () => again.seen.last === 'answered', 40)
    await again.more(200)
    await again.stop()
  })
})

describe('a primary that a Sentinel watches', () => {
  let watched: WatchedValkey
  const links: OpenLink[] = []
  before(async () => {
    watched = await startWatchedValkey()
  })
  after(async () => {
    for (const link of links) link.close()
    await watched?.stop()
  })

  test('the replica takes over after its death, and is found', async (t) => {
    const store = await open(watched.url, links)
    const hit = hitOf('watched', 1_000_000)
    const running = load(t, [store], [hit], 4)
    await running.more(200)
    await watched.primary.stop()
    await until('calls fail', () => running.seen.last === 'failed')
    await until('it is answered again', () => running.seen.last === 'answered', 40)
    await running.more(200)
    await running.stop()
  })
})
