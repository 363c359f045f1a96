import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { deliveryOf } from '../../src/xds/delivery.ts'
import { type Life, Others, type ToldFleet } from '../../src/xds/elsewhere.ts'
import { Fleet } from '../../src/xds/fleet.ts'
import { FleetRecord } from '../../src/xds/fleet-record.ts'
import type { DeliveryState } from '../../src/xds/session.ts'
import type { OwnView, StreamHandle } from '../../src/xds/stream-view.ts'

/** A stream whose state the test sets. */
function stream(revision: number, state: DeliveryState = 'acked') {
  const now = { revision, state }
  const nacks = () => (now.state === 'nacked' ? [{ type: 'route', resource: 'r', error: 'bad' }] : [])
  const view: OwnView = {
    protocol: 'delta',
    revision: () => now.revision,
    types: () => ({
      cluster: { state: 'acked', revision: now.revision },
      route: { state: now.state, revision: now.state === 'acked' ? now.revision : null },
    }),
    delivery: () => ({ state: now.state, nacks: nacks() }),
    progress: () => ({ ...now, nacks: nacks(), sending: false, warming: [] }),
  }
  return { now, view }
}

/** A replica with Envoys, and what it tells. */
function replica(name: string) {
  const fleet = new Fleet(() => 0)
  const record = new FleetRecord(fleet)
  const others = new Others((gateway) => fleet.here(gateway))
  fleet.share(name, others)
  let version = 0
  let base = 0
  return {
    fleet,
    record,
    others,
    join(id: string, gateway = 'edge', revision = 1) {
      const { now, view } = stream(revision)
      const identity = { id, gateway, labels: { track: id }, version: '1.40.0', addresses: [] }
      return { now, handle: fleet.connect(identity, `127.0.0.1:${1_000 + version}`, view) }
    },
    tell(): ToldFleet {
      const { revision, envoys, gateways } = record.news()
      // The table takes one row a seat in one statement.
      assert.equal(new Set(envoys.map(({ seat }) => seat)).size, envoys.length)
      return json({ id: name, name, revision, version: ++version, base, envoys, gateways })
    },
    tellAll(): ToldFleet {
      record.forget()
      base = version + 1
      return this.tell()
    },
  }
}

const json = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value))

const heard = (told: ToldFleet, life: Life = 'live') => [{ ...told, life }]

const set = (
  { now, handle }: { now: { revision: number; state: DeliveryState }; handle: StreamHandle },
  revision: number,
  state: DeliveryState = 'acked',
) => {
  Object.assign(now, { revision, state })
  handle.changed()
}

const question = { revision: 2, gateways: ['edge'] }

describe('a fleet over two replicas', () => {
  test('an Envoy of the other one is shown with all that its own replica shows, waited for, and named with it', () => {
    const [here, there] = [replica('here'), replica('there')]
    const envoy = there.join('n')
    here.others.merge(heard(there.tell()))
    assert.deepEqual(here.fleet.list(), there.fleet.list())
    assert.equal(here.fleet.list()[0]?.replica, 'there')
    set(envoy, 2, 'pending')
    here.others.merge(heard(there.tell()))
    assert.equal(deliveryOf(here.fleet, question).state, 'pending')
    set(envoy, 2)
    here.others.merge(heard(there.tell()))
    const { state, envoys } = deliveryOf(here.fleet, question)
    assert.equal(state, 'acked')
    assert.deepEqual(
      envoys.map(({ id, replica, state }) => ({ id, replica, state })),
      [{ id: 'n', replica: 'there', state: 'acked' }],
    )
    assert.deepEqual(here.fleet.list(), there.fleet.list())
  })

  test('an edit of 1,000 Envoys is one row, and one that goes on serving as it was is none', () => {
    const there = replica('there')
    const envoys = Array.from({ length: 1_000 }, (_, index) => there.join(`n${index}`))
    const still = there.join('still', 'other')
    assert.equal(there.tell().envoys.length, 1_001)
    for (const [index, each] of envoys.entries()) set(each, 2, index < 30 ? 'pending' : 'acked')
    set(still, 2)
    const { revision, envoys: rows, gateways } = there.tell()
    assert.equal(revision, 2)
    assert.deepEqual(rows, [])
    assert.deepEqual(
      gateways.map(({ gateway, groups }) => [gateway, groups?.map(({ seats }) => seats?.length)]),
      [['edge', [30, undefined]]],
    )
    for (const each of envoys) set(each, 3)
    set(still, 3)
    there.tell()
    for (const each of envoys) set(each, 4)
    set(still, 4)
    const again = there.tell()
    assert.deepEqual([again.revision, again.envoys, again.gateways], [4, [], []])
  })

  test('one that the other one does not know yet to be at a revision is on its way there', () => {
    const [here, there] = [replica('here'), replica('there')]
    there.join('n')
    here.others.merge(heard(there.tell()))
    here.join('m', 'edge', 2)
    const { state, envoys } = deliveryOf(here.fleet, question)
    assert.equal(state, 'pending')
    assert.deepEqual(
      envoys.map(({ id, state }) => [id, state]),
      [
        ['m', 'acked'],
        ['n', 'pending'],
      ],
    )
  })

  test('what is refused there is told with its reason, to the second', () => {
    const [here, there] = [replica('here'), replica('there')]
    const envoy = there.join('n')
    set(envoy, 2, 'nacked')
    envoy.handle.nacked({ type: 'route', resources: ['r'], error: 'bad' })
    here.others.merge(heard(there.tell()))
    const { state, envoys } = deliveryOf(here.fleet, question)
    assert.equal(state, 'nacked')
    assert.deepEqual(envoys[0]?.nacks, [{ type: 'route', resource: 'r', error: 'bad' }])
    const lastNack = { type: 'route', resources: ['r'], error: 'bad', at: '1970-01-01T00:00:00Z' }
    assert.deepEqual(here.fleet.list()[0]?.lastNack, lastNack)
  })

  test('one that moved is shown where it is, and waited for once', () => {
    const [here, there] = [replica('here'), replica('there')]
    const before = there.join('n')
    here.others.merge(heard(there.tell()))
    here.join('n', 'edge', 2)
    assert.equal(deliveryOf(here.fleet, question).envoys.length, 2)
    before.handle.left('the connection was lost')
    here.others.merge(heard(there.tell()))
    assert.deepEqual(
      deliveryOf(here.fleet, question).envoys.map(({ replica }) => replica),
      ['here'],
    )
    assert.deepEqual(
      here.fleet.list().map(({ state, replica }) => [state, replica]),
      [['connected', 'here']],
    )
  })

  test('of a replica without signs of life those have moved that are seen elsewhere; the others are unknown in time', () => {
    const [here, there] = [replica('here'), replica('there')]
    there.join('moved')
    there.join('lost')
    const told = there.tell()
    here.others.merge(heard(told))
    here.join('moved', 'edge', 2)
    const shown = () =>
      deliveryOf(here.fleet, question).envoys.map(({ id, replica, state }) => `${id} ${replica} ${state}`)
    assert.deepEqual(shown(), ['moved here acked', 'moved there pending', 'lost there pending'])
    here.others.merge(heard(told, 'quiet'))
    assert.deepEqual(shown(), ['moved here acked', 'lost there pending'])
    here.others.merge(heard(told, 'silent'))
    assert.deepEqual(shown(), ['moved here acked', 'lost there unknown'])
    assert.equal(deliveryOf(here.fleet, question).state, 'acked')
    assert.deepEqual(
      here.fleet.list().map(({ id, state }) => [id, state]),
      [
        ['lost', 'unknown'],
        ['moved', 'connected'],
      ],
    )
    here.others.merge([])
    assert.deepEqual(shown(), ['moved here acked'])
  })

  test('one that weir itself is starting here is expected, whatever is called the same elsewhere', () => {
    const [here, there] = [replica('here'), replica('there')]
    there.join('edge-local', 'edge', 2)
    here.others.merge(heard(there.tell()))
    const expected = [{ gateway: 'edge', id: 'edge-local' }]
    assert.equal(deliveryOf(here.fleet, { ...question, expected }).state, 'pending')
  })

  test('of a newer weir that says more, and things unknown here, the rest is read', () => {
    const [here, there] = [replica('here'), replica('there')]
    there.join('known')
    there.join('half')
    const { envoys, ...told } = there.tell()
    here.others.merge(
      heard({
        ...told,
        envoys: [
          { seat: 0, item: { ...(envoys[0]!.item as object), zone: { new: [1] } } },
          { seat: 1, item: { ...(envoys[1]!.item as object), labels: 'new', addresses: null, version: 7 } },
          { seat: 2, item: { name: 'an Envoy of another form' } },
        ],
        gateways: [
          {
            gateway: 'edge',
            groups: [
              { status: { state: 'acked', types: { route: { state: 'acked' } }, since: 4 } },
              { status: { state: 'contemplating', types: 7, nacks: [3], lastNack: {} }, seats: [1] },
            ],
          },
        ],
      }),
    )
    const { envoys: delivered } = deliveryOf(here.fleet, { ...question, revision: 1 })
    assert.deepEqual(
      delivered.map(({ id, state }) => [id, state]),
      [
        ['known', 'acked'],
        ['half', 'pending'],
      ],
    )
    assert.equal(here.fleet.list().length, 2)
  })

  test('whatever happens, and however much of it is told at once, the other one knows the same', () => {
    const ids = fc.integer({ min: 0, max: 4 })
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('join' as const), id: ids }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), id: ids }) },
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('set' as const),
          id: ids,
          state: fc.constantFrom<DeliveryState>('acked', 'pending', 'nacked'),
          ahead: fc.integer({ min: 0, max: 1 }),
        }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('tell' as const, 'tell all' as const) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const [here, there] = [replica('here'), replica('there')]
        const live: ReturnType<typeof there.join>[] = []
        let revision = 1
        let joined = 0
        for (const each of steps) {
          const chosen = 'id' in each ? live[each.id % Math.max(1, live.length)] : undefined
          // Of one id, the way of an Envoy that left is the other one's at its own replica alone.
          if (each.do === 'join')
            live.push(there.join(`n${each.id}-${joined++}`, `g${each.id % 2}`, revision))
          if (each.do === 'tell') here.others.merge(heard(there.tell()))
          if (each.do === 'tell all') here.others.merge(heard(there.tellAll()))
          if (chosen === undefined) continue
          if (each.do === 'leave') {
            live.splice(live.indexOf(chosen), 1)
            chosen.handle.left('gone')
          }
          if (each.do === 'set') {
            revision += each.ahead
            set(chosen, revision, each.state)
          }
        }
        here.others.merge(heard(there.tell()))
        const question = { revision, gateways: ['g0', 'g1'] }
        assert.deepEqual(toldOf(here.fleet, question), toldOf(there.fleet, question))
        assert.deepEqual(here.fleet.list(), there.fleet.list())
      }),
    )
  })
})

/** What replicas tell each other of a delivery: those that are connected, without times. */
function toldOf(fleet: Fleet, question: Parameters<typeof deliveryOf>[1]) {
  const { state, envoys } = deliveryOf(fleet, question)
  const connected = envoys.filter(({ disconnectedAt }) => disconnectedAt === undefined)
  return {
    state,
    envoys: connected.map(({ gateway, id, peer, replica, state, nacks = [] }) => {
      const simple = state === 'sent' || state === 'warming' ? 'pending' : state
      // What one refuses that is on its way is of the revision before.
      const refused = state === 'nacked' ? nacks : []
      return { gateway, id, peer, replica, nacks: refused, state: simple === 'superseded' ? 'acked' : simple }
    }),
  }
}
