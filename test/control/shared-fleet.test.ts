import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createSharedFleet, type SharedFleet } from '../../src/control/shared-fleet.ts'
import { WeirError } from '../../src/errors.ts'
import type { FleetExchange } from '../../src/model/fleet-record.ts'
import type { Event } from '../../src/observe.ts'
import { createDeliveries, deliveryOf } from '../../src/xds/delivery.ts'
import { Others } from '../../src/xds/elsewhere.ts'
import { Fleet } from '../../src/xds/fleet.ts'
import { FleetRecord } from '../../src/xds/fleet-record.ts'
import type { DeliveryState } from '../../src/xds/session.ts'
import type { OwnView } from '../../src/xds/stream-view.ts'
import { fleetTable } from '../support/fleet-table.ts'

/** Replicas over one table, which look when they are asked to; time is the test's. */
function setUp(t: TestContext) {
  const world = { now: 0, failure: undefined as Error | undefined, asked: [] as string[] }
  const table = fleetTable(() => world.now)
  t.mock.timers.enable({ apis: ['setInterval'] })
  t.mock.method(performance, 'now', () => world.now)

  async function replica(name: string) {
    const events: Event[] = []
    const said: FleetExchange[] = []
    const tried: string[] = []
    let shared: SharedFleet | undefined
    const deliveries = createDeliveries(() => fleet)
    const fleet: Fleet = new Fleet(
      () => world.now,
      (gateway) => {
        deliveries.noteChange(gateway)
        shared?.changed()
      },
    )
    const others = new Others((gateway) => fleet.here(gateway))
    fleet.share(name, others)
    shared = await createSharedFleet({
      ...{ name, record: new FleetRecord(fleet), others, onChange: deliveries.noteChange },
      async table(exchange) {
        said.push(exchange)
        if (world.failure !== undefined) throw world.failure
        return table.exchange(exchange)
      },
      async ask(from, gateways) {
        world.asked.push(...gateways.map((gateway) => `${from} ${gateway}`))
      },
      tryAgain: (gateway) => void tried.push(gateway),
      observe: (event) => events.push(event),
      signMs: 1_000,
    })
    return {
      ...{ fleet, shared, deliveries, events, said, tried },
      shown: () => fleet.list().map(({ id, state, replica }) => `${id} ${replica} ${state}`),
      join(id: string, revision = 1) {
        const now = { revision, state: 'acked' as DeliveryState }
        const view: OwnView = {
          protocol: 'delta',
          revision: () => now.revision,
          types: () => ({}),
          delivery: () => ({ state: now.state, nacks: [] }),
          progress: () => ({ ...now, nacks: [], sending: false, warming: [] }),
        }
        const identity = { id, gateway: 'edge', labels: {}, version: '', addresses: [] }
        const handle = fleet.connect(identity, '192.0.2.1:5000', view)
        const become = (state: DeliveryState) => {
          now.state = state
          handle.changed()
        }
        return { now, handle, become }
      },
    }
  }

  /** A second passes, in which each of them gives its sign. */
  async function second(...replicas: { shared: SharedFleet }[]): Promise<void> {
    world.now += 1_000
    for (const { shared } of replicas) await shared.look()
  }
  return { world, table, replica, second }
}

describe('replicas that tell each other of their Envoys', () => {
  test('one that waits hears of the last Envoy of the other', async (t) => {
    const { replica } = setUp(t)
    const [one, two] = [await replica('one'), await replica('two')]
    const envoy = two.join('n')
    await two.shared.look()
    await one.shared.look()
    const question = { revision: 2, gateways: ['edge'] }
    const release = one.shared.watch()
    const answer = one.deliveries.whenDelivered(question)
    envoy.now.revision = 2
    envoy.handle.changed()
    await two.shared.look()
    one.shared.hint('two')
    assert.equal((await answer).state, 'acked')
    release()
  })

  test('what happens to Envoys is told by itself, together, and nothing where nothing happened', async (t) => {
    const { replica, table } = setUp(t)
    const one = await replica('one')
    for (let index = 0; index < 50; index++) one.join(`n${index}`)
    while (one.said.length < 2) await new Promise((resolve) => setImmediate(resolve))
    await one.shared.look()
    assert.deepEqual(
      one.said.map(({ says, tell, envoys }) => [says, tell, envoys.length]),
      [
        ['first', true, 0],
        ['changes', true, 50],
        ['changes', false, 0],
      ],
    )
    assert.equal(table.rows.size, 1)
  })

  test('hints are followed only while somebody waits, and those of one’s own never', async (t) => {
    const { replica } = setUp(t)
    const [one, two] = [await replica('one'), await replica('two')]
    two.join('n')
    await two.shared.look()
    const { id } = two.said[0]!.own
    one.shared.hint(id)
    assert.equal(one.said.length, 1)
    const release = one.shared.watch()
    one.shared.hint(one.said[0]!.own.id)
    assert.equal(one.said.length, 1)
    one.shared.hint(id)
    await one.shared.look()
    assert.deepEqual(one.shown(), ['n two connected'])
    release()
  })

  test('one that dies is quiet, then silent, then forgotten; what it had that is elsewhere is not waited for', async (t) => {
    const { replica, second } = setUp(t)
    const [one, dead] = [await replica('one'), await replica('dead')]
    dead.join('moved')
    dead.join('lost')
    await dead.shared.look()
    one.join('moved')
    await second(one)
    assert.deepEqual(one.shown(), ['lost dead connected', 'moved one connected', 'moved dead connected'])
    for (let index = 0; index < 3; index++) await second(one)
    assert.deepEqual(one.shown(), ['lost dead connected', 'moved one connected'])
    for (let index = 0; index < 6; index++) await second(one)
    assert.deepEqual(one.shown(), ['lost dead unknown', 'moved one connected'])
  })

  test('one that starts at the place of a dead one takes it at once', async (t) => {
    const { replica } = setUp(t)
    const [one, dead] = [await replica('one'), await replica('two')]
    dead.join('n')
    await dead.shared.look()
    await one.shared.look()
    assert.deepEqual(one.shown(), ['n two connected'])
    await replica('two')
    await one.shared.look()
    assert.deepEqual(one.shown(), [])
  })

  test('after an outage of the database nobody is taken for dead, and all is told again', async (t) => {
    const { replica, second, world } = setUp(t)
    const [one, two] = [await replica('one'), await replica('two')]
    const envoy = two.join('n')
    await second(two, one)
    world.failure = new WeirError('unavailable', 'away')
    for (let index = 0; index < 60; index++) await second(one, two)
    envoy.handle.left('gone')
    two.join('m')
    assert.deepEqual(one.shown(), ['n two connected'])
    world.failure = undefined
    await second(one)
    await one.shared.look()
    assert.deepEqual(one.shown(), ['n two connected'])
    await second(two)
    await two.shared.look()
    await one.shared.look()
    assert.deepEqual(one.shown(), ['m two connected', 'n two disconnected'])
    for (const { events } of [one, two]) assert.deepEqual(events, [])
    // Nothing was put together for nobody.
    assert.equal(two.said.filter(({ envoys }) => envoys.length > 0).length, 2)
  })

  test('one whose rows are gone, say by a crash of the database, tells all again', async (t) => {
    const { replica, second, table } = setUp(t)
    const [one, two] = [await replica('one'), await replica('two')]
    two.join('n')
    await second(two, one)
    table.rows.clear()
    await second(one, two)
    await two.shared.look()
    await one.shared.look()
    await one.shared.look()
    assert.deepEqual(one.shown(), ['n two connected'])
  })

  test('an Envoy there tries again what it refused before somebody here is told of it', async (t) => {
    const { replica, world } = setUp(t)
    const [one, two] = [await replica('one'), await replica('two')]
    const never = new AbortController().signal
    const envoy = two.join('n')
    await two.shared.look()
    await one.shared.look()
    await one.shared.retry(['edge'], never)
    assert.deepEqual(world.asked, [])
    envoy.become('nacked')
    await two.shared.look()
    await one.shared.look()
    const retried = one.shared.retry(['edge'], never)
    const asked = `${one.said[0]!.own.id} edge`
    assert.deepEqual(world.asked, [asked])
    const looks = two.said.length
    // All hear it, who asked included.
    for (const { shared } of [one, two]) shared.asked(asked)
    assert.deepEqual([one.tried, two.tried], [[], ['edge']])
    assert.equal(two.said.length, looks + 1)
    // The connection was away: whether anything was asked is not known.
    two.shared.asked()
    assert.deepEqual(two.tried, ['edge'])
    envoy.become('pending')
    await two.shared.look()
    await one.shared.look()
    await retried
    assert.equal(deliveryOf(one.fleet, { revision: 1, gateways: ['edge'] }).state, 'pending')
    envoy.become('nacked')
    await two.shared.look()
    await one.shared.look()
    await one.shared.retry(['edge'], AbortSignal.abort())
  })

  test('one that ends is gone at once, and looks no more', async (t) => {
    const { replica } = setUp(t)
    const [one, two] = [await replica('one'), await replica('two')]
    two.join('n')
    await two.shared.look()
    await one.shared.look()
    await two.shared.close()
    const { length } = two.said
    await one.shared.look()
    assert.deepEqual(one.shown(), [])
    two.join('m')
    await two.shared.look()
    assert.equal(two.said.length, length)
  })

  test('a fault is told, and what is known stays', async (t) => {
    const { replica, world } = setUp(t)
    const [one, two] = [await replica('one'), await replica('two')]
    two.join('n')
    await two.shared.look()
    await one.shared.look()
    world.failure = new Error('a fault')
    await one.shared.look()
    assert.deepEqual(one.shown(), ['n two connected'])
    assert.equal(one.events[0]?.event, 'failed')
  })
})
