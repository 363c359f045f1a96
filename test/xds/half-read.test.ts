import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Stream, connect } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { bounds } from '../../src/xds/bounds.ts'
import { HalfRead } from '../../src/xds/half-read.ts'
import { createXdsServer } from '../../src/xds/server.ts'
import { openBareStream } from '../support/bare-ads.ts'
import { handClock } from '../support/hand-clock.ts'
import { until } from '../support/until.ts'
import { plainSnapshot } from './plain.ts'

const mebibyte = 2 ** 20

/** A call of which so much of a request has arrived, as grpc-js has it, and the statuses by which it was ended. */
function callWith(bytes: number) {
  const ends: status[] = []
  const decoder = { readMessageSize: bytes + 1, readMessageRemaining: 1 }
  return { call: { decoder }, ends, emit: (_: string, { code }: { code: status }) => ends.push(code) }
}

test('of requests that do not end the oldest give way, of the address that has too many', () => {
  const halfRead = new HalfRead()
  const large = bounds.halfReadBytesOfAddress / 4
  const [oldest, ...others] = Array.from({ length: 5 }, () => callWith(large))
  const small = callWith(1)
  halfRead.add(oldest!, 'a')
  halfRead.add(small, 'b')
  halfRead.look(0)
  for (const call of others) halfRead.add(call, 'a')
  halfRead.look(1)
  assert.deepEqual(oldest!.ends, [status.RESOURCE_EXHAUSTED])
  assert.deepEqual(
    [...others, small].flatMap(({ ends }) => ends),
    [],
  )
  halfRead.delete(oldest!)
  halfRead.look(bounds.requestMs)
  assert.deepEqual(small.ends, [])
  halfRead.look(bounds.requestMs + 1)
  assert.deepEqual([small.ends, others[0]!.ends], [[status.RESOURCE_EXHAUSTED], []])
})

test('a request that came to its end is not held against the next one', () => {
  const halfRead = new HalfRead()
  const call = callWith(1)
  halfRead.add(call, 'a')
  halfRead.look(0)
  call.call.decoder.readMessageRemaining = 0
  halfRead.look(1)
  call.call.decoder.readMessageRemaining = 1
  halfRead.look(2)
  halfRead.look(bounds.requestMs + 1)
  assert.deepEqual(call.ends, [])
})

async function start(t: TestContext) {
  const clock = handClock()
  const server = createXdsServer({ observe: () => {}, clock })
  t.after(() => server.close(0))
  const { port } = await server.listen('127.0.0.1:0')
  server.publish(plainSnapshot(1, {}))
  const session = connect(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  session.on('error', () => {})
  return { clock, session, ids: () => server.fleet.list().map(({ state }) => state) }
}

/** The beginning of a message of so many bytes, which is longer (gRPC over HTTP/2, "Length-Prefixed-Message"). */
function begin(stream: ClientHttp2Stream, bytes: number): void {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes + 1, 1)
  stream.write(Buffer.concat([head, Buffer.alloc(bytes)]))
}

test('a real stream whose request does not end is ended when its time is over', async (t) => {
  const { clock, session, ids } = await start(t)
  const node = { id: 'n1', cluster: 'edge' }
  const stream = openBareStream(session, { node, type_url: typeUrls.cluster })
  const trailers = once(stream, 'trailers')
  stream.resume()
  await until('it is served', () => ids()[0] === 'connected')
  begin(stream, mebibyte)
  // Only from the server's next look on does the time count.
  await until('it is ended', () => {
    clock.pass(bounds.requestMs + 1)
    return ids()[0] === 'disconnected'
  })
  const [{ 'grpc-status': code }] = await trailers
  assert.equal(Number(code), status.RESOURCE_EXHAUSTED)
})
