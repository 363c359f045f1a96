import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { createConnection } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { typeUrls } from '../../src/envoy-api/types.ts'
import type { Event } from '../../src/observe.ts'
import { bounds, requestBudget } from '../../src/xds/bounds.ts'
import { networkOf } from '../../src/xds/peer.ts'
import { Rooms } from '../../src/xds/room.ts'
import { createXdsServer } from '../../src/xds/server.ts'
import { Tally } from '../../src/xds/tally.ts'
import { openBareStream } from '../support/bare-ads.ts'
import { plainSnapshot } from './plain.ts'

describe('a tally', () => {
  test('bounds each peer and all of them, and counts again who left', () => {
    const tally = new Tally(2, 3)
    const leave = tally.enter('a')
    assert.equal(typeof leave, 'function')
    assert.equal(typeof tally.enter('a'), 'function')
    assert.equal(tally.enter('a'), 'of this address')
    assert.equal(typeof tally.enter('b'), 'function')
    assert.equal(tally.enter('b'), 'in all')
    if (typeof leave === 'string') return
    leave()
    leave()
    assert.equal(typeof tally.enter('b'), 'function')
    assert.equal(tally.enter('a'), 'in all')
  })
})

test('a peer is its address, of IPv6 its network of 64 bits', () => {
  const networks = [
    '10.0.0.1',
    '2001:db8::1',
    '2001:DB8:0:0:ffff::1',
    '2001:db8:0:1::',
    '::1',
    'fe80::1%eth0',
  ]
  assert.deepEqual(networks.map(networkOf), [
    '10.0.0.1',
    '2001:db8:0:0::/64',
    '2001:db8:0:0::/64',
    '2001:db8:0:1::/64',
    '0:0:0:0::/64',
    'fe80:0:0:0::/64',
  ])
})

test('beyond the limit of a room only those are full that have more than an equal part', () => {
  const rooms = new Rooms(100)
  const [large, small] = [rooms.of('large'), rooms.of('small')]
  large.add(100)
  assert.equal(large.isFull(), false)
  large.add(1)
  assert.equal(large.isFull(), true)
  small.add(50)
  assert.equal(small.isFull(), false)
  small.add(1)
  assert.equal(small.isFull(), true)
  large.add(-60)
  assert.deepEqual([large.isFull(), small.isFull()], [false, false])
})

test('requests of an address are as many as 2,000 Envoys that come back need, and then some each second', () => {
  const { requestsPerSecondOfAddress, requestBurstOfAddress } = bounds
  const budget = requestBudget(requestsPerSecondOfAddress, requestBurstOfAddress)
  let taken = 0
  while (budget.take(0)) taken++
  assert.equal(taken, 200_000)
  while (budget.take(1_000)) taken++
  assert.equal(taken, 204_000)
})

/** A bare HTTP/2 client, of which thousands fit into a test; from the address given. */
async function openConnection(t: TestContext, port: number, localAddress = '127.0.0.1') {
  const socket = createConnection({ host: '127.0.0.1', port, localAddress })
  const session = connect('http://weir', { createConnection: () => socket })
  t.after(() => session.destroy())
  session.on('error', () => {})
  await once(session, 'remoteSettings')
  return session
}

/** The gRPC status by which a stream ends, or 0 once it is served. */
function openStream(session: ClientHttp2Session, id: string): Promise<number> {
  const stream = openBareStream(session, { node: { id, cluster: 'edge' }, type_url: typeUrls.cluster })
  return new Promise((resolve) => {
    stream.on('error', () => resolve(-1))
    stream.on('response', (headers) => resolve(Number(headers['grpc-status'] ?? 0)))
  })
}

test('an address may have 2,000 streams and more, and has a bound by which others still get in', async (t) => {
  const events: Event[] = []
  const server = createXdsServer({ observe: (event) => events.push(event) })
  t.after(() => server.close(0))
  const { port } = await server.listen('127.0.0.1:0')
  server.publish(plainSnapshot(1, {}))
  const connections = bounds.streamsOfAddress / bounds.streamsPerConnection
  let served = 0
  for (let n = 0; n < connections; n++) {
    const session = await openConnection(t, port)
    const ids = Array.from({ length: bounds.streamsPerConnection }, (_, m) => `${n}-${m}`)
    const codes = await Promise.all(ids.map((id) => openStream(session, id)))
    served += codes.filter((code) => code === 0).length
  }
  assert.equal(served, bounds.streamsOfAddress)
  assert.ok(served >= 2_000)
  assert.equal(await openStream(await openConnection(t, port), 'late'), status.RESOURCE_EXHAUSTED)
  assert.equal(await openStream(await openConnection(t, port, '127.0.0.2'), 'other'), 0)
  const refused = events.flatMap((event) => (event.event === 'xds_refused' ? [event.rule] : []))
  assert.deepEqual(refused, ['streams'])
})
