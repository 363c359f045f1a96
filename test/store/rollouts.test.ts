import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import type { RolloutExchange, RolloutRecord } from '../../src/model/rollout-record.ts'
import type { State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import type { Store } from '../../src/store/store.ts'
import { withClient } from '../support/postgres.ts'
import { startTestStore, type TestStore } from '../support/store.ts'

const context = { supervised: false, listenerAddress: '127.0.0.1' }
const waves = [{ percent: 100 }]

const gateway = (name: string, port: number, more: object = {}): Edit => {
  const spec = { listeners: [{ name: 'http', port, protocol: 'http' }], ...more }
  return { op: 'put', document: 0, object: { kind: 'Gateway', name, labels: {}, owner: '', spec } }
}
const remove = (name: string): Edit => ({ op: 'delete', kind: 'Gateway', name, document: 0 })

describe('rollouts that replicas share', () => {
  let started: TestStore
  let store: Store
  before(async () => {
    started = await startTestStore()
    store = started.store
    await store.unlockSecrets()
  })
  after(() => started?.close())

  const write = (...edits: Edit[]) =>
    store.write({
      ...{ author: 'a', message: '', edits: () => edits },
      plan: (state: State, split) => planWrite(kinds, state, split, context),
    })
  const record = async (name: string) => (await store.rollouts()).find((each) => each.gateway === name)
  const told = async (name: string) => {
    const found = await record(name)
    return found && [found.state, found.base, found.candidate]
  }
  const exchange = (replica: string, more: Partial<RolloutExchange> = {}) =>
    store.exchangeRollouts({
      ...{ replica, name: `at ${replica}`, report: {}, tell: false, aliveMs: 60_000 },
      ...{ leaseMs: 60_000, forgetMs: 3_600_000, ...more },
    })

  test('a record comes and goes with a gateway’s `rollout`, in the same transaction', async () => {
    await write(gateway('new', 10_000, { rollout: { waves } }), gateway('plain', 10_001)) // 1
    assert.deepEqual([await told('new'), await told('plain')], [['done', 1, 1], undefined])
    await write(gateway('plain', 10_001, { rollout: { waves } })) // 2
    assert.deepEqual(await told('plain'), ['done', 1, 1], 'what gives it goes in waves itself')
    await write(gateway('new', 10_002, { rollout: { waves } })) // 3
    assert.deepEqual(await told('new'), ['done', 1, 1], 'a write moves nothing by itself')
    await write(gateway('plain', 10_001), remove('new')) // 4
    assert.deepEqual(await store.rollouts(), [])
    await write(gateway('new', 10_000, { rollout: { waves } })) // 5
    assert.deepEqual(await told('new'), ['done', 5, 5])
  })

  test('one replica drives until it is silent for its time', async () => {
    assert.equal((await exchange('a')).driver.replica, 'a')
    const seen = await exchange('b', { report: { new: { epoch: 1 } as never } })
    assert.deepEqual(seen.driver, { replica: 'a', name: 'at a' })
    assert.deepEqual(seen.reports.map(({ replica }) => replica).sort(), ['a', 'b'])
    await exchange('a', { leaseMs: 0 })
    assert.equal((await exchange('b')).driver.replica, 'b')
    assert.equal((await exchange('a')).driver.replica, 'b')
  })

  test('a change is made once, from the record that was seen, and by the driver alone', async () => {
    const from = (await record('new'))!
    const to: RolloutRecord = {
      ...from,
      version: from.version + 1,
      state: 'reverted',
      candidate: 6,
      reason: 'r',
    }
    const outcome = { gateway: 'new', revision: 6, state: 'reverted', reason: 'r' } as const
    assert.equal(await store.moveRollout({ from, to, outcome, driver: 'a' }), false, 'another one drives')
    const made = await Promise.all([1, 2, 3].map(() => store.moveRollout({ from, to, outcome, driver: 'b' })))
    assert.deepEqual(made.filter(Boolean), [true])
    assert.deepEqual(await record('new'), to)
    const [found] = await store.rolloutOutcomes([5, 6])
    assert.deepEqual([found!.revision, found!.state, found!.reason], [6, 'reverted', 'r'])
    // A person needs no lease.
    assert.equal(await store.moveRollout({ from: to, to: { ...to, version: to.version + 1 } }), true)
  })

  test('a change is told to all', async () => {
    await withClient(started.databaseUrl, async (client) => {
      await client.query('listen weir_rollouts')
      const notified = new Promise<string>((resolve) => {
        client.once('notification', ({ channel }) => resolve(channel))
      })
      const from = (await record('new'))!
      await store.moveRollout({ from, to: { ...from, version: from.version + 1 } })
      assert.equal(await notified, 'weir_rollouts')
    })
  })

  test('the state at which Envoys are held is not compacted away', async () => {
    for (const port of [10_003, 10_004, 10_005]) await write(gateway('plain', port))
    assert.equal((await store.compact({ revisions: 1, ageMs: 0 }))?.oldest, 5)
    await write(gateway('new', 10_000))
    assert.equal((await store.compact({ revisions: 1, ageMs: 0 }))?.oldest, 9)
  })
})
