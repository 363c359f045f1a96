import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../src/observe.ts'
import { openRedisLink } from '../../src/ratelimit/stores/redis/open-link.ts'
import { type ClockReading, ClockSkew } from '../../src/ratelimit/stores/resilient/clock-skew.ts'
import { readClocks } from '../../src/ratelimit/stores/resilient/read-clocks.ts'
import { startValkeyCluster } from '../support/valkey-cluster.ts'

const second = 1_000_000
const start = 1_700_000_000 * second

/** A clock that was so many seconds ahead in the middle of a round trip of so many. */
const reading = (node: string, ahead: number, roundTrip = 0.01): ClockReading => ({
  ...{ node, sentAt: start, receivedAt: start + roundTrip * second },
  time: start + (ahead + roundTrip / 2) * second,
})

function setUp() {
  const told: string[] = []
  const observe = (event: Event) => {
    if (event.event === 'clocks_differ') told.push(event.what)
  }
  return { skew: new ClockSkew(observe), told }
}

test('half of the round trip is the error, and what it may explain is not told', () => {
  const { skew, told } = setUp()
  skew.learn([reading('store', 0.2)], 0)
  assert.deepEqual(skew.state(), { nodes: [{ node: 'store', seconds: 0.2, error: 0.005 }] })
  skew.learn([reading('store', -2, 4)], 0)
  assert.deepEqual(skew.state(), { nodes: [{ node: 'store', seconds: -2, error: 2 }] })
  skew.learn([reading('store', 1.5)], 0)
  const what = 'the clock of this replica is 1.500 s (give or take 0.005 s) behind that of the store'
  assert.equal(skew.state().warning, what)
  assert.deepEqual(told, [what])
})

test('clocks of two primaries that differ are told before that of the replica', () => {
  const { skew } = setUp()
  skew.learn([reading('a:1', 0), reading('b:1', 0.2), reading('c:1', -0.2)], 0)
  assert.equal(
    skew.state().warning,
    'the clock of b:1 is 0.400 s (give or take 0.010 s) ahead of that of c:1',
  )
  skew.learn([reading('a:1', -9), reading('b:1', -9)], 0)
  assert.match(skew.state().warning!, /^the clock of this replica is 9.000 s .* ahead of that of a:1$/)
})

test('it is told once in ten minutes while it lasts, and anew when it comes again', () => {
  const { skew, told } = setUp()
  for (let seconds = 0; seconds <= 1_200; seconds++) skew.learn([reading('store', 1)], seconds * second)
  assert.equal(told.length, 3)
  skew.learn([reading('store', 0)], 1_201 * second)
  assert.equal(skew.state().warning, undefined)
  skew.learn([reading('store', 1)], 1_202 * second)
  assert.equal(told.length, 4)
})

test('every primary of a cluster is asked, and those of one machine agree', async () => {
  await using running = new AsyncDisposableStack()
  const cluster = await startValkeyCluster(3)
  running.defer(cluster.stop)
  const link = openRedisLink(cluster.url)
  running.defer(() => link.close())
  assert.deepEqual(await link.check(10_000), { reached: true })
  const readings = await readClocks(link.primaries!(), () => Date.now() * 1_000)
  const nodes = cluster.primaries.map(({ port }) => `127.0.0.1:${port}`)
  assert.deepEqual(readings.map(({ node }) => node).sort(), nodes.sort())
  const { skew, told } = setUp()
  skew.learn(readings, 0)
  assert.deepEqual(told, [])
  // The own clock has ticks of a millisecond.
  for (const { seconds, error } of skew.state().nodes) assert.ok(Math.abs(seconds) <= error + 0.001)
})
