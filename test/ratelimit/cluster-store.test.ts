import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import type { LimitNumbers } from '../../src/model/limit-rule.ts'
import type { Event } from '../../src/observe.ts'
import { type AlgorithmName, algorithmNames } from '../../src/ratelimit/algorithms/bound-rule.ts'
import type { Hit, Taken } from '../../src/ratelimit/stores/counter-store.ts'
import { counterKey } from '../../src/ratelimit/stores/redis/counter-key.ts'
import { type OpenLink, openRedisLink } from '../../src/ratelimit/stores/redis/open-link.ts'
import { createRedisStore, type RedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { slotOfKey } from '../../src/ratelimit/stores/redis/slot.ts'
import { each, hitOn } from '../support/hits.ts'
import { play, schedules } from '../support/schedules.ts'
import { startValkeyCluster, type ValkeyCluster } from '../support/valkey-cluster.ts'

const isLong = process.env.WEIR_LONG === '1'
const hour = 3_600_000

const start = 1_700_000_000_000_000

describe('the store in a cluster of three nodes', () => {
  let cluster: ValkeyCluster
  const links: OpenLink[] = []
  const events: Event[] = []

  /** A replica of weir, with connections of its own. */
  async function openStore(
    more: { clock?: () => number; monotonic?: () => number } = {},
  ): Promise<RedisStore> {
    const link = openRedisLink(cluster.url)
    links.push(link)
    assert.deepEqual(await link.check(), { reached: true })
    return createRedisStore({
      link,
      observe: (event) => void events.push(event),
      ...more,
    })
  }
  const conflicts = () => events.filter(({ event }) => event === 'reserve_conflict').length

  before(async () => {
    cluster = await startValkeyCluster()
  })
  after(async () => {
    for (const link of links) link.close()
    await cluster?.stop()
  })

  test('keys are in the slots that the cluster says', async () => {
    const { client } = cluster.primaries[0]!
    const keys = ['', 'weir:2:replicas', '{}a', 'a{b}c', 'a{b', '}{x}', '{{x}}']
    for (let index = 0; index < 50; index++) keys.push(keyOf(hitOn(`k${index}`, fixed(1))))
    for (const key of keys) assert.equal(slotOfKey(key), await client.call('CLUSTER', 'KEYSLOT', key), key)
  })

  for (const [index, name] of algorithmNames.entries()) {
    test(`one request after another, it answers as a map that forgets nothing: ${name}`, async () => {
      const seen = { takes: 0, denied: 0, edits: 0, carried: 0 }
      const link = openRedisLink(cluster.url)
      links.push(link)
      await link.check()
      let runs = 0
      const open = (clock: () => number) =>
        createRedisStore({
          link,
          clock,
          monotonic: clock,
          graceMs: hour,
          observe: (event) => void events.push(event),
        })
      const property = fc.asyncProperty(fc.array(schedules(index), { minLength: 20, maxLength: 20 }), (all) =>
        Promise.all(all.map((schedule) => play(schedule, open, seen, `${name}/${runs++}/`, true))).then(
          () => undefined,
        ),
      )
      const was = conflicts()
      await fc.assert(property, { endOnFailure: true, numRuns: isLong ? 500 : 5 })
      for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `${what}: ${count}`)
      assert.equal(conflicts(), was)
    })
  }

  for (const name of algorithmNames) {
    test(`at the same time, ${name} never admits too many, and is counted exactly afterwards`, async () => {
      // Time stands, so that nothing is given back too late on a busy machine, and no window ends.
      const clock = () => start
      const stores = await Promise.all([openStore({ clock }), openStore({ clock }), openStore({ clock })])
      for (let round = 0; round < (isLong ? 100 : 10); round++) {
        // Two that all share, and one for every third: what one refuses others have reserved.
        const shared = [numbersOf(name, 30), numbersOf('fixed_window', 40), numbersOf('sliding_window', 50)]
        const hitsOf = (client: number): Hit[] => [
          ...shared.map((numbers, index) =>
            hitOn(`${name}/${round}`, numbers, { policy: `shared-${index}` }),
          ),
          hitOn(`${name}/${round}/${client % 3}`, fixed(12), { policy: 'own' }),
        ]
        const all = await Promise.all(
          Array.from(
            { length: 90 },
            (_, client) => stores[client % 3]!.take(hitsOf(client)) as Promise<Taken>,
          ),
        )
        const admitted = all.filter((taken) => taken.admitted).length
        assert.ok(admitted <= 30, `${admitted} were admitted`)
        assert.ok(admitted > 0)
        const store = stores[0]!
        const used = await Promise.all(
          hitsOf(0)
            .slice(0, 3)
            .map(async ({ policy, counter, rule }) => (await store.peek(policy, counter, rule))?.used ?? 0),
        )
        // A turn that somebody stood behind stays taken.
        for (const [index, count] of used.entries())
          if (index === 0 && name === 'leaky_bucket') assert.ok(count >= admitted, `${count} < ${admitted}`)
          else assert.equal(count, admitted, `shared-${index}: ${used}, ${admitted} were admitted`)
      }
    })
  }

  test('clients that their own policy denies keep nobody from what others share', async () => {
    // Nothing is remembered for so long: every refusal is the cluster's.
    let time = 0
    const monotonic = () => {
      time += hour * 1_000
      return time
    }
    const stores = await Promise.all([openStore({ monotonic }), openStore({ monotonic })])
    const own = (client: string, limit: number) => hitOn(client, fixed(limit), { policy: 'client' })
    const shared = () => hitOn('all', fixed(84), { policy: 'everybody' })
    const take = (index: number, hits: Hit[]) => stores[index % 2]!.take(hits) as Promise<Taken>
    // Each greedy client has its one request; then 20 are left of what all share.
    const first = await Promise.all(
      range(64).map((index) => take(index, [own(`greedy-${index}`, 1), shared()])),
    )
    assert.ok(first.every((taken) => taken.admitted))
    let isOver = false
    let denied = 0
    const greedy = range(64).map(async (index) => {
      while (!isOver) {
        const taken = await take(index, [own(`greedy-${index}`, 1), shared()])
        assert.ok(!taken.admitted)
        denied++
        await nextTurn()
      }
    })
    const was = conflicts()
    const honest = await Promise.all(
      range(20).map(async (index) => {
        while (denied < index * 50) await nextTurn()
        return take(index, [own(`honest-${index}`, 1), shared()])
      }),
    )
    isOver = true
    await Promise.all(greedy)
    assert.equal(honest.filter((taken) => taken.admitted).length, 20)
    assert.equal(conflicts(), was)
    assert.ok(denied >= 950, String(denied))
    assert.equal((await stores[0]!.peek('everybody', shared().counter, shared().rule))?.used, 84)
  })

  test('conflicts are counted', () => assert.ok(conflicts() > 0, String(conflicts())))
})

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

function numbersOf(name: AlgorithmName, amount: number): LimitNumbers {
  return each(amount, hour)[algorithmNames.indexOf(name)]!
}

function fixed(limit: number): LimitNumbers {
  return numbersOf('fixed_window', limit)
}

function keyOf({ counter, rule }: Hit): string {
  return counterKey(counter, rule.algorithm)
}
