import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import pg from 'pg'
import type { Announcement } from '../../src/model/announcement.ts'
import { kinds } from '../../src/policies/index.ts'
import { maxAnnouncements } from '../../src/store/announcements.ts'
import { announcedChannel } from '../../src/store/locks.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { testSecrets } from '../support/secrets.ts'

let database: FreshDatabase
let pools: pg.Pool[]
let stores: [Store, Store]

before(async () => {
  database = await freshDatabase()
  pools = [createPool(database.url, () => {}), createPool(database.url, () => {})]
  const secrets = testSecrets()
  const [a, b] = pools.map((pool) => createStore({ pool, kinds, secrets, observe: () => {} }))
  stores = [a!, b!]
})
after(async () => {
  await Promise.all(pools.map((pool) => pool.end()))
  await database.drop()
})
beforeEach(() => query('delete from envoy_addresses'))

const query = (text: string, values: unknown[] = []) =>
  withClient(database.url, async (client) => (await client.query(text, values)).rows)

const envoy = (node: string, gateway = 'internal'): Announcement => ({
  ...{ gateway, node, addresses: [`10.0.0.${node.length}`], peer: '192.0.2.1' },
})

interface Said {
  present?: Announcement[]
  left?: Announcement[]
  tell?: boolean
  olderMs?: number
}

/** What one of two replicas says, and the node ids that it is answered, `~` before those without a stream. */
async function say(replica: 0 | 1, { present = [], left = [], tell = false, olderMs }: Said = {}) {
  const known = await stores[replica].exchangeAnnouncements({
    ...{ replica: `replica-${replica}`, present, left, tell, staleMs: 60_000 },
    ...(olderMs !== undefined && { olderMs }),
  })
  return known.map(({ node, live }) => (live ? node : `~${node}`)).sort()
}

const grow = (seconds: number) =>
  query('update envoy_addresses set seen_at = seen_at - make_interval(secs => $1)', [seconds])

describe('where Envoys are, kept for all replicas', () => {
  test('each replica knows those of the other as they were announced', async () => {
    await say(0, { present: [envoy('a')] })
    assert.deepEqual(await say(1, { present: [envoy('bb')] }), ['a', 'bb'])
    const [first] = await stores[1].exchangeAnnouncements({
      ...{ replica: 'replica-1', present: [], left: [], tell: false, staleMs: 60_000 },
    })
    assert.deepEqual(first, { ...envoy('a'), live: true })
  })

  test('one that left stays, without a stream, until it is older than the grace', async () => {
    await say(0, { present: [envoy('a'), envoy('bb')] })
    assert.deepEqual(await say(0, { left: [envoy('a')] }), ['bb', '~a'])
    await grow(10)
    assert.deepEqual(await say(1), ['bb', '~a'])
    await say(0, { present: [envoy('bb')] })
    assert.deepEqual(await say(1, { olderMs: 11_000 }), ['bb', '~a'])
    assert.deepEqual(await say(1, { olderMs: 9_000 }), ['bb'])
  })

  test('the grace begins when it leaves, not when it was last told', async () => {
    await say(0, { present: [envoy('a')] })
    await grow(100)
    assert.deepEqual(await say(0, { left: [envoy('a')], olderMs: 50_000 }), ['~a'])
  })

  test('one that moved to another replica is that one’s, whatever the first one says after', async () => {
    await say(0, { present: [envoy('a')] })
    await say(1, { present: [envoy('a')] })
    assert.deepEqual(await say(0, { left: [envoy('a')] }), ['a'])
    assert.deepEqual(await say(1, { left: [envoy('a')] }), ['~a'])
  })

  test('those of a replica that died are without a stream after a while', async () => {
    await say(0, { present: [envoy('a')] })
    await grow(61)
    assert.deepEqual(await say(1), ['~a'])
  })

  test('one that came and left while the database was away is known as well', async () => {
    assert.deepEqual(await say(0, { left: [envoy('a')] }), ['~a'])
  })

  test('the others are told of what is new and of what is forgotten, not of what stays', async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    try {
      const told: string[] = []
      client.on('notification', ({ channel }) => told.push(channel))
      await client.query(`listen ${announcedChannel}`)
      /** Notifications come before the answer to what is asked after them. */
      const count = async () => {
        await client.query('select')
        return told.length
      }
      await say(0, { present: [envoy('a')], tell: true })
      assert.equal(await count(), 1)
      await say(0, { present: [envoy('a')] })
      await say(0, { olderMs: 60_000 })
      assert.equal(await count(), 1)
      await grow(61)
      await say(1, { olderMs: 60_000 })
      assert.equal(await count(), 2)
    } finally {
      await client.end()
    }
  })

  test('a gateway has a bounded number, and those that left longest ago give way', async () => {
    await query(
      `insert into envoy_addresses
         select n::text, 'internal', n::text, '{}', '192.0.2.1', null, now() - make_interval(secs => n)
         from generate_series(1, $1) n`,
      [maxAnnouncements],
    )
    const other = envoy('other', 'domain')
    const nodes = await say(0, { present: [envoy('new'), other] })
    assert.equal(nodes.length, maxAnnouncements + 1)
    for (const node of ['new', 'other', '~1']) assert.ok(nodes.includes(node), node)
    assert.ok(!nodes.includes(`~${maxAnnouncements}`))
  })

  test('2,500 Envoys of two replicas at once are all there', async () => {
    const many = (from: string) => Array.from({ length: 1_250 }, (_, index) => envoy(`${from}${index}`))
    const nobody: Announcement[] = []
    await Promise.all([say(0, { present: many('a') }), say(1, { present: many('b') })])
    const all = await say(0, { present: nobody })
    assert.equal(all.filter((node) => !node.startsWith('~')).length, 2_500)
  })
})
