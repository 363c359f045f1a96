import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { encode } from '../../src/envoy-api/protos.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import type { Event } from '../../src/observe.ts'
import { bounds } from '../../src/xds/bounds.ts'
import { createXdsServer } from '../../src/xds/server.ts'
import type { Snapshot } from '../../src/xds/snapshot.ts'
import { openAdsStream } from '../support/ads-client.ts'
import { handClock } from '../support/hand-clock.ts'

/** More than any window and buffer between two processes. */
const large = encode('google.protobuf.Any', { type_url: 'plain', value: Buffer.alloc(32 * 2 ** 20) })

function snapshot(revision: number, any = large): Snapshot {
  const resource = { name: 'a', version: String(revision), any }
  return {
    gateway: 'edge',
    revision,
    resources: new Map([[typeUrls.cluster, new Map([['a', resource]])]]),
  }
}

async function start(t: TestContext) {
  const clock = handClock()
  const events: Event[] = []
  const waiting = new Set<() => void>()
  const observe = (event: Event) => {
    events.push(event)
    for (const look of waiting) look()
  }
  const server = createXdsServer({ observe, clock })
  const { port } = await server.listen('127.0.0.1:0')
  t.after(() => server.close(0))
  /** Resolves once that was seen, as often as is asked. */
  const seen = (name: Event['event'], times = 1) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (events.filter(({ event }) => event === name).length < times) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  const open = (id: string) => {
    const stream = openAdsStream(port)
    t.after(() => stream.close())
    stream.send({ node: { id, cluster: 'edge' }, type_url: typeUrls.cluster })
    return stream
  }
  const ids = () => server.fleet.list().map(({ id, state }) => `${id} ${state}`)
  return { server, clock, events, seen, open, ids }
}

test('a client that never reads is cut off in time, with what was to be written to it', async (t) => {
  const { server, clock, events, seen, open, ids } = await start(t)
  server.publish(snapshot(1))
  const stuck = open('stuck')
  await seen('xds_sent')
  clock.pass(bounds.unreadMs - 1)
  assert.deepEqual(ids(), ['stuck connected'])
  clock.pass(1)
  assert.deepEqual(ids(), ['stuck disconnected'])
  const gone = events.find(({ event }) => event === 'xds_disconnected')
  assert.match(JSON.stringify(gone), /took nothing of a response for 60000 ms/)
  // The reset comes although the response before it was never read.
  stuck.call.resume()
  assert.equal((await stuck.failure).code, 1)
})

test('a client that never reads holds up nobody else, joining or connected', async (t) => {
  const { server, clock, seen, open, ids } = await start(t)
  const small = encode('google.protobuf.Any', { type_url: 'plain' })
  server.publish(snapshot(1, small))
  const connected = open('connected')
  const first = await connected.next()
  connected.send({ type_url: typeUrls.cluster, response_nonce: first.nonce })
  await seen('xds_ack')
  server.publish(snapshot(2))
  await connected.next()
  open('stuck')
  await seen('xds_sent', 3)
  // As much is under way to it as may be.
  const late = open('late')
  await seen('xds_connected', 3)
  clock.pass(bounds.joinTakeMs)
  const [response] = await once(late.call, 'data')
  assert.equal(response.system_version_info, '2')
  assert.deepEqual(ids(), ['connected connected', 'late connected', 'stuck connected'])
})
