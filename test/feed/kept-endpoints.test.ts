import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEndpointKeeper } from '../../src/feed/kept-endpoints.ts'
import type { KeptEndpoints, LastEndpoints } from '../../src/model/kept-endpoints.ts'
import type { Event } from '../../src/observe.ts'
import { stateOf } from '../support/state-of.ts'

const endpoint = { address: '10.0.0.1', port: 1 }
const cluster = (name: string, spec: object) => ({ kind: 'Cluster', name, spec })
const emptied = (name: string, emptyEndpointsGrace: string, more: object = {}) =>
  cluster(name, { endpoints: [], emptyEndpointsGrace, ...more })

/** A keeper over a history that a test writes. */
function setUp(history: Record<string, { emptyForMs: number; size?: number }>) {
  const events: Event[] = []
  const asked: (readonly string[])[] = []
  const expired = Promise.withResolvers<KeptEndpoints>()
  const keeper = createEndpointKeeper({
    async read(names) {
      asked.push(names)
      return names.flatMap((name): LastEndpoints[] => {
        const found = history[name]
        if (found === undefined) return []
        const endpoints = Array.from({ length: found.size ?? 1 }, (_, at) => ({ ...endpoint, port: at + 1 }))
        return [{ name, spec: { endpoints }, emptyForMs: found.emptyForMs }]
      })
    },
    onExpired: expired.resolve,
    observe: (event) => void events.push(event),
  })
  return { keeper, events, asked, expired: expired.promise, history }
}

const sizes = (kept: KeptEndpoints) =>
  Object.fromEntries([...kept].map(([name, list]) => [name, list.length]))

test('clusters that are emptied, have a grace and a history keep their endpoints; others are not even asked for', async () => {
  const { keeper, asked, events } = setUp({ a: { emptyForMs: 0, size: 2 }, off: { emptyForMs: 0 } })
  const state = stateOf([
    emptied('a', '1h'),
    emptied('new', '1h'),
    emptied('off', '0s'),
    cluster('full', { endpoints: [endpoint], emptyEndpointsGrace: '1h' }),
  ])!
  assert.deepEqual(sizes(await keeper.of(state)), { a: 2 })
  assert.deepEqual(asked, [['a', 'new']])
  assert.deepEqual(
    events.map((event) => [event.event, 'cluster' in event && event.cluster]),
    [['endpoints_kept', 'a']],
  )
  keeper.close()
})

test('the same forms are asked for once, and give the very same value', async () => {
  const { keeper, asked, history } = setUp({ a: { emptyForMs: 0 } })
  const documents = [emptied('a', '1h')]
  const state = stateOf(documents)!
  const first = await keeper.of(state)
  assert.equal(await keeper.of({ ...state, revision: 2 }), first)
  assert.equal(asked.length, 1)
  // Another form of it is asked for, and is as long empty as before.
  history.a = { emptyForMs: 3_600_001 }
  assert.deepEqual(sizes(await keeper.of(stateOf([emptied('a', '1h', { connectTimeout: '2s' })])!)), {})
  keeper.close()
})

test('a time that was over before is not begun again; full lists and objects that are gone keep nothing', async () => {
  const { keeper, events } = setUp({ a: { emptyForMs: 0 }, b: { emptyForMs: 5_000 }, c: { emptyForMs: 0 } })
  const start = [emptied('a', '1h'), emptied('b', '5s'), emptied('c', '1h')]
  assert.deepEqual(sizes(await keeper.of(stateOf(start)!)), { a: 1, c: 1 })
  assert.deepEqual(sizes(await keeper.of(stateOf([cluster('a', { endpoints: [endpoint] })])!)), {})
  assert.deepEqual(
    events.map((event) => [event.event, 'cluster' in event && event.cluster]),
    [
      ['endpoints_kept', 'a'],
      ['endpoints_kept', 'c'],
      ['endpoints_let_go', 'a'],
      ['endpoints_let_go', 'c'],
    ],
  )
  keeper.close()
})

test('when the time of one is over that is told, with what is still kept', { timeout: 30_000 }, async () => {
  const { keeper, expired } = setUp({ soon: { emptyForMs: 3_599_500 }, later: { emptyForMs: 0, size: 3 } })
  const kept = await keeper.of(stateOf([emptied('soon', '1h'), emptied('later', '1h')])!)
  assert.deepEqual(sizes(kept), { soon: 1, later: 3 })
  assert.deepEqual(sizes(await expired), { later: 3 })
  keeper.close()
})
