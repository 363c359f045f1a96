import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import type pg from 'pg'
import type { FleetExchange } from '../../src/model/fleet-record.ts'
import type { Store } from '../../src/store/store.ts'
import { fleetTable } from '../support/fleet-table.ts'
import { withClient } from '../support/postgres.ts'
import { startTestStore, type TestStore } from '../support/store.ts'
import { until } from '../support/until.ts'

let started: TestStore
let pool: pg.Pool
let store: Store

before(async () => {
  started = await startTestStore()
  ;({ pool, store } = started)
})
after(() => started?.close())
beforeEach(() => pool.query('delete from fleet_replicas'))

const hour = 3_600_000

/** One that says `says`, with these seats and gateways, and knows nothing of the others. */
function exchange(id: string, version: number, more: Partial<FleetExchange> = {}): FleetExchange {
  return {
    own: { id, name: `${id}:18000`, revision: version, version, base: 0 },
    ...{ says: 'changes', envoys: [], gateways: [], tell: true, known: new Map(), forgetMs: hour },
    ...more,
  }
}

const seat = (number: number, text: string) => ({ seat: number, item: { text } })
const groups = (gateway: string, state: string) => ({ gateway, groups: [{ status: { state } }] })

describe('what replicas tell each other of their Envoys', () => {
  test('who asks for a retry is told with the gateway', async () => {
    await withClient(started.databaseUrl, async (client) => {
      const heard: (string | undefined)[] = []
      client.on('notification', ({ payload }) => heard.push(payload))
      await client.query('listen weir_retry')
      await store.askRetry('a', ['edge', 'core'])
      await until('both came', () => heard.length === 2)
      assert.deepEqual(heard, ['a edge', 'a core'])
    })
  })

  test('is told as it was said, and afterwards only what is new of it', async () => {
    const said = { envoys: [seat(0, 'a'), seat(1, 'b')], gateways: [groups('edge', 'acked')] }
    await store.exchangeFleet(exchange('a', 1, { says: 'first', ...said }))
    const first = await store.exchangeFleet(exchange('b', 1, { says: 'first' }))
    const [{ silentMs, ...told }] = first.replicas as [(typeof first.replicas)[0]]
    assert.deepEqual(
      told.envoys.map(({ seat, item }) => ({ seat, item })),
      said.envoys,
    )
    assert.deepEqual(
      told.gateways.map(({ gateway, groups }) => ({ gateway, groups })),
      said.gateways,
    )
    assert.deepEqual([told.id, told.name, told.revision, told.version], ['a', 'a:18000', 1, 1])
    assert.ok(silentMs >= 0 && silentMs < hour)
    await store.exchangeFleet(exchange('a', 2, { envoys: [seat(1, 'c'), { seat: 0, item: null }] }))
    const { replicas } = await store.exchangeFleet(exchange('b', 1, { known: new Map([['a', 1]]) }))
    assert.deepEqual(replicas[0]?.gateways, [])
    assert.deepEqual(replicas[0]?.envoys.map(({ seat, item }) => [seat, item]).sort(), [
      [0, null],
      [1, { text: 'c' }],
    ])
  })

  test('goes with the replica: when it ends, when another takes its place, and when it is silent for long', async () => {
    const names = async () => (await store.exchangeFleet(exchange('b', 1))).replicas.map(({ id }) => id)
    await store.exchangeFleet(exchange('b', 1, { says: 'first' }))
    await store.exchangeFleet(exchange('a', 1, { says: 'first', envoys: [seat(0, 'a')] }))
    assert.deepEqual(await names(), ['a'])
    await store.exchangeFleet(exchange('a', 1, { says: 'leave' }))
    assert.deepEqual(await names(), [])
    await store.exchangeFleet(exchange('a', 1, { says: 'first' }))
    const own = { id: 'c', name: 'a:18000', revision: 1, version: 1, base: 1 }
    await store.exchangeFleet({ ...exchange('c', 1), own, says: 'first' })
    assert.deepEqual(await names(), ['c'])
    assert.equal((await store.exchangeFleet(exchange('a', 2))).lost, true)
    await pool.query(`update fleet_replicas set seen_at = seen_at - interval '1 hour' where id = 'c'`)
    assert.deepEqual((await store.exchangeFleet(exchange('b', 1, { forgetMs: hour / 2 }))).replicas, [])
    const { rows } = await pool.query('select * from fleet_envoys')
    assert.deepEqual(rows, [])
  })

  test('3,000 Envoys and as many gateways at once', async () => {
    const envoys = Array.from({ length: 3_000 }, (_, index) => seat(index, `n${index}`))
    const gateways = Array.from({ length: 3_000 }, (_, index) => groups(`g${index}`, 'acked'))
    await store.exchangeFleet(exchange('a', 1, { says: 'first', envoys, gateways }))
    const { replicas } = await store.exchangeFleet(exchange('b', 1, { says: 'first' }))
    assert.deepEqual([replicas[0]?.envoys.length, replicas[0]?.gateways.length], [3_000, 3_000])
  })

  test('is what the table says by which the replicas are tested', async () => {
    const id = fc.constantFrom('a', 'b', 'c')
    const number = fc.integer({ min: 0, max: 2 })
    const step = fc.record({
      id,
      says: fc.constantFrom<FleetExchange['says'][]>(
        'first',
        'all',
        'changes',
        'changes',
        'changes',
        'leave',
      ),
      seats: fc.uniqueArray(number),
      gateways: fc.uniqueArray(number),
      knows: number,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await pool.query('delete from fleet_replicas')
        const table = fleetTable(() => 0)
        for (const [index, { id, says, seats, gateways, knows }] of steps.entries()) {
          const version = index + 1
          const said = exchange(id, version, {
            says,
            envoys: says === 'leave' ? [] : seats.map((each) => seat(each, `${version}`)),
            gateways: says === 'leave' ? [] : gateways.map((each) => groups(`g${each}`, `${version}`)),
            known: new Map(['a', 'b', 'c'].map((other) => [other, version - knows])),
          })
          const [inMemory, stored] = [table.exchange(said), await store.exchangeFleet(said)]
          assert.deepEqual(plain(stored), plain(inMemory))
        }
      }),
      { numRuns: 60 },
    )
  })
})

function plain({ replicas, lost }: Awaited<ReturnType<Store['exchangeFleet']>>) {
  const sorted = replicas.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return {
    lost,
    replicas: sorted.map(({ id, name, revision, version, base, envoys, gateways }) => ({
      ...{ id, name, revision, version, base },
      envoys: envoys.map(({ seat, item }) => JSON.stringify([seat, item])).sort(),
      gateways: gateways.map(({ gateway, groups }) => JSON.stringify([gateway, groups])).sort(),
    })),
  }
}
