import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readSettings } from '../../src/grpc-lane/settings.ts'
import { PlainPeer, plainLane } from './plain.ts'
import { call, callFields, frame, headers, message, rstStream, settings, windowUpdate } from './wire.ts'

const echo = '/test.Lane/Echo'
const open = 'HEADERS 1 :status=200 content-type=application/grpc'
const done = 'HEADERS 1 grpc-status=0 END'

describe('windows of the peer (RFC 9113 section 5.2)', () => {
  test('an answer goes out as far as the window of its stream lets it, and the rest when it grows', () => {
    const peer = PlainPeer.settled(plainLane(), { 4: 3 })
    assert.deepEqual(peer.send(call(1, echo, 'ABCD')), [open, 'DATA 1 000000'])
    assert.deepEqual(peer.send(windowUpdate(1, 4)), ['DATA 1 00044142'])
    assert.deepEqual(peer.send(windowUpdate(1, 2)), ['DATA 1 4344', done])
    assert.equal(peer.lane.counts.streams, 0)
  })

  test('a window that settings make negative must grow beyond nothing first (section 6.9.2)', () => {
    const peer = PlainPeer.settled(plainLane(), { 4: 3 })
    peer.send(call(1, echo, 'A'))
    assert.deepEqual(peer.send(settings({ 4: 0 })), ['SETTINGS ACK'])
    assert.deepEqual(peer.send(windowUpdate(1, 3)), [])
    assert.deepEqual(peer.send(windowUpdate(1, 1)), ['DATA 1 00'])
    assert.deepEqual(peer.send(settings({ 4: 2 })), ['SETTINGS ACK', 'DATA 1 0141', done])
  })

  test('of the initial windows in one frame the last one counts, and streams are looked at once', () => {
    const bytes = Buffer.concat(
      [...Array.from({ length: 2_729 }, () => 1), 6].map((size) => settings({ 4: size }).subarray(9)),
    )
    const windows: number[] = []
    readSettings(bytes, 0, bytes.length, {
      setHeaderTableSize: () => {},
      setInitialWindow: (size) => windows.push(size),
      setMaxFrame: () => {},
    })
    assert.deepEqual(windows, [6])
    const peer = PlainPeer.settled(plainLane(), { 4: 0 })
    peer.send(call(1, echo, 'A'))
    assert.deepEqual(peer.send(frame('SETTINGS', 0, bytes)), ['SETTINGS ACK', 'DATA 1 000000000141', done])
  })

  test('all streams have the connection’s window in common', () => {
    const peer = PlainPeer.settled(plainLane(), { 4: 1 << 20 })
    const heard = peer.send(
      ...[1, 3, 5, 7].map((id) => call(id, echo, Buffer.alloc(16_000))),
      call(9, echo, 'x'.repeat(2_000)),
    )
    const sent = heard
      .filter((line) => line.startsWith('DATA'))
      .reduce((sum, line) => sum + line.split(' ')[2]!.length / 2, 0)
    assert.equal(sent, 65_535)
    const rest = peer.send(windowUpdate(0, 1_000_000))
    assert.deepEqual(
      rest.map((line) => line.replace(/ [0-9a-f]{9,}/, ' ...')),
      ['DATA 9 ...', 'HEADERS 9 grpc-status=0 END'],
    )
  })

  test('frames are not larger than the peer takes them', () => {
    const lane = plainLane(new Map([['/test.Lane/Large', () => Buffer.alloc(40_000)]]))
    const sizes = (peer: PlainPeer) =>
      peer
        .send(call(1, '/test.Lane/Large'))
        .filter((line) => line.startsWith('DATA'))
        .map((line) => line.split(' ')[2]!.length / 2)
    assert.deepEqual(sizes(PlainPeer.settled(lane)), [16_384, 16_384, 7_237])
    assert.deepEqual(sizes(PlainPeer.settled(lane, { 5: 1 << 20 })), [40_005])
  })

  test('what waits is forgotten when the peer resets its stream', () => {
    const peer = PlainPeer.settled(plainLane(), { 4: 0 })
    peer.send(call(1, echo, 'A'))
    peer.send(rstStream(1))
    assert.deepEqual(peer.send(settings({ 4: 100 })), ['SETTINGS ACK'])
    assert.equal(peer.lane.counts.streams, 0)
  })

  test('the body for what is no gRPC waits, too', () => {
    const peer = PlainPeer.settled(plainLane(), { 4: 1 })
    const get = headers(1, [[':method', 'GET'], [':scheme', 'http'], [':path', '/']], 'END_STREAM') // biome-ignore format: one field a pair
    const heard = peer.send(get)
    assert.equal(heard.length, 2)
    const body = Buffer.from(
      heard[1]!.split(' ')[2]! + peer.send(windowUpdate(1, 10_000))[0]!.split(' ')[2]!,
      'hex',
    )
    assert.match(body.toString(), /speaks gRPC/)
    assert.match(heard[0]!, new RegExp(`:status=415 .* content-length=${body.length}`))
  })
})

describe('windows of ours', () => {
  test('a message of any size fits into a stream’s, and the connection’s is opened in large steps', () => {
    const large = Buffer.alloc(4 << 20, 'x')
    const lane = plainLane(new Map([['/test.Lane/Length', (bytes) => Buffer.from(String(bytes.length))]]))
    const peer = PlainPeer.settled(lane)
    const whole = message(large)
    const updates: string[] = []
    for (let id = 1; id < 21; id += 2) {
      updates.push(...peer.send(headers(id, callFields('/test.Lane/Length'))))
      for (let at = 0; at < whole.length; at += 16_384) {
        const last = at + 16_384 >= whole.length
        const part = frame(
          'DATA',
          id,
          whole.subarray(at, at + 16_384),
          ...(last ? (['END_STREAM'] as const) : []),
        )
        updates.push(...peer.send(part))
      }
    }
    assert.equal(updates.filter((line) => line.endsWith(Buffer.from('4194304').toString('hex'))).length, 10)
    const ofConnection = updates.filter((line) => line.startsWith('WINDOW_UPDATE 0'))
    assert.equal(ofConnection.length, 2)
    assert.equal(lane.held.used, 0)
  })

  test('padding is given back, so that nobody waits for a window that never grows', () => {
    const peer = PlainPeer.settled(plainLane(undefined, { messageBytes: 1_000 }))
    peer.send(headers(1, callFields(echo)), frame('DATA', 1, message('x'.repeat(400)).subarray(0, 100)))
    const padded = frame(
      'DATA',
      1,
      Buffer.concat([Buffer.of(255), Buffer.from('x'), Buffer.alloc(255)]),
      'PADDED',
    )
    const heard = Array.from({ length: 200 }, () => peer.send(padded)).flat()
    // A stream's window is 66,536; after the half of it is used it is full again.
    assert.deepEqual(heard, ['WINDOW_UPDATE 1 33510'])
  })
})
