import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Bounds,
  connectionRules,
  defaultBounds,
  type Rule,
  streamRules,
} from '../../src/grpc-lane/bounds.ts'
import type { Method } from '../../src/grpc-lane/method.ts'
import { echoing, PlainPeer, plainLane } from './plain.ts'
import {
  block,
  call,
  callFields,
  frame,
  headers,
  message,
  rstStream,
  settings,
  windowUpdate,
} from './wire.ts'

const path = '/test.Lane/Echo'
const ping = frame('PING', 0, Buffer.alloc(8))
const never: ReadonlyMap<string, Method> = new Map([[path, () => new Promise<Uint8Array>(() => {})]])
const repeat = (count: number, each: (index: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, index) => each(index))
const id = (index: number) => 2 * index + 1
const calm = 'ENHANCE_YOUR_CALM'

/** Sends a call whose headers come in as many frames as they need, and says what came back. */
function sendBlock(peer: PlainPeer, stream: number, bytes: Buffer): string[] {
  const frames = [frame('HEADERS', stream, bytes.subarray(0, 16_384))]
  for (let at = 16_384; at < bytes.length; at += 16_384) {
    frames.push(frame('CONTINUATION', stream, bytes.subarray(at, at + 16_384)))
  }
  frames.at(-1)![4]! |= 4
  return peer.send(...frames, frame('DATA', stream, message('A'), 'END_STREAM'))
}

interface Attack {
  bounds: Partial<Bounds>
  methods?: ReadonlyMap<string, Method>
  /** What is just allowed, and what is one too many. */
  allowed: (peer: PlainPeer) => void
  beyond: (peer: PlainPeer) => string[]
  answered: string
}

/** What costs the connection. */
const cutting: Partial<Record<Rule, Attack>> = {
  settings_flood: {
    bounds: { settings: 5 },
    // Two were sent to begin with: settings, and the acknowledgement of ours.
    allowed: (peer) => peer.send(...repeat(3, () => settings())),
    beyond: (peer) => peer.send(settings()),
    answered: calm,
  },
  ping_flood: {
    bounds: { pings: 5 },
    allowed: (peer) => peer.send(...repeat(5, () => ping), call(1, path), ping),
    beyond: (peer) => peer.send(ping),
    answered: calm,
  },
  empty_frames: {
    bounds: { emptyFrames: 5 },
    allowed: (peer) => peer.send(headers(1, callFields(path)), ...repeat(5, () => frame('DATA', 1))),
    beyond: (peer) => peer.send(frame('DATA', 1, '0000', 'PADDED'), frame('DATA', 1, '00', 'PADDED')),
    answered: calm,
  },
  idle_frames: {
    bounds: { idleFrames: 5 },
    allowed: (peer) =>
      peer.send(
        ...[
          frame('PRIORITY', 1, '0000000310'),
          frame(0x20, 0),
          windowUpdate(0, 1),
          windowUpdate(0, 1),
          frame(0x21, 7),
        ],
        ...[call(1, path), windowUpdate(0, 1), windowUpdate(1, 1), windowUpdate(0, 1), windowUpdate(0, 1)],
      ),
    beyond: (peer) => peer.send(windowUpdate(0, 1)),
    answered: calm,
  },
  stream_errors: {
    bounds: { streamErrors: 5 },
    allowed: (peer) => peer.send(...repeat(5, (index) => headers(id(index), [['a', 'b']]))),
    beyond: (peer) => peer.send(headers(11, [['a', 'b']])),
    answered: calm,
  },
  reset_flood: {
    bounds: { resets: 5 },
    allowed: (peer) =>
      peer.send(...repeat(5, (index) => Buffer.concat([call(id(index), path), rstStream(id(index))]))),
    beyond: (peer) => peer.send(call(11, path), rstStream(11)),
    answered: calm,
  },
  continuation_flood: {
    bounds: { continuations: 5 },
    allowed: (peer) => peer.send(frame('HEADERS', 1), ...repeat(5, () => frame('CONTINUATION', 1))),
    beyond: (peer) => peer.send(frame('CONTINUATION', 1)),
    answered: calm,
  },
  preface_timeout: {
    bounds: { prefaceMs: 100 },
    allowed: (peer) => peer.wait(100),
    beyond: (peer) => peer.wait(1),
    answered: calm,
  },
  frame_timeout: {
    bounds: { frameMs: 100 },
    allowed: (peer) => {
      peer.send(ping.subarray(0, 3))
      peer.wait(60)
      peer.send(ping.subarray(3, 10))
      peer.wait(40)
    },
    beyond: (peer) => peer.wait(1),
    answered: calm,
  },
  keepalive_timeout: {
    bounds: { idleMs: 100, pingMs: 50 },
    allowed: (peer) => {
      peer.wait(100)
      assert.deepEqual(peer.heard(), [])
      assert.match(peer.wait(1).join(), /^PING [0-9a-f]{16}$/)
      peer.wait(50)
      peer.send(frame('PING', 0, Buffer.alloc(8), 'ACK'))
      peer.wait(100)
      assert.match(peer.wait(1).join(), /^PING/)
      peer.wait(50)
    },
    beyond: (peer) => peer.wait(1),
    answered: calm,
  },
  slow_reader: {
    bounds: { queuedBytes: 100 },
    allowed: (peer) => {
      peer.send(settings({ 4: 0 }))
      peer.waiting = 90
      peer.send(call(1, path, 'ABCDE'))
    },
    beyond: (peer) => peer.send(call(3, path)),
    answered: 'destroy',
  },
}

/** What costs the stream alone. */
const refusing: Partial<Record<Rule, Attack>> = {
  streams: {
    bounds: { streams: 3 },
    allowed: (peer) => peer.send(...repeat(3, (index) => headers(id(index), callFields(path)))),
    beyond: (peer) => peer.send(headers(7, callFields(path)), frame('DATA', 7, message('A'), 'END_STREAM')),
    answered: 'RST_STREAM 7 REFUSED_STREAM',
  },
  pending_calls: {
    bounds: { pendingCalls: 3 },
    methods: never,
    // Those that were reset are at work as well.
    allowed: (peer) => {
      peer.send(...repeat(3, (index) => call(id(index), path)))
      peer.send(rstStream(1), rstStream(3), rstStream(5))
    },
    beyond: (peer) => peer.send(call(7, path)),
    answered: 'RST_STREAM 7 REFUSED_STREAM',
  },
  header_list: {
    bounds: { tableBytes: 64, fieldBytes: 256 },
    allowed: (peer) =>
      peer.send(
        headers(
          1,
          callFields(path, { host: '<'.repeat(256), ':authority': undefined, x: '<'.repeat(4_000) }),
        ),
        frame('DATA', 1, message('A'), 'END_STREAM'),
      ),
    beyond: (peer) =>
      peer.send(
        headers(3, callFields(path, { ':authority': '<'.repeat(257) })),
        frame('DATA', 3, message('A'), 'END_STREAM'),
      ),
    answered:
      'HEADERS 3 :status=200 content-type=application/grpc grpc-status=8 grpc-message=the headers are too large END',
  },
  message_size: {
    bounds: { messageBytes: 10 },
    allowed: (peer) => peer.send(call(1, path, 'x'.repeat(10))),
    beyond: (peer) =>
      peer.send(headers(3, callFields(path)), frame('DATA', 3, message('x'.repeat(11)).subarray(0, 5))),
    answered:
      'HEADERS 3 :status=200 content-type=application/grpc grpc-status=8 grpc-message=the message is too large END',
  },
  held_bytes: {
    bounds: { heldBytes: 30 },
    allowed: (peer) =>
      peer.send(headers(1, callFields(path)), frame('DATA', 1, message('x'.repeat(60)).subarray(0, 35))),
    beyond: (peer) => peer.send(headers(3, callFields(path)), frame('DATA', 3, message('xy').subarray(0, 6))),
    answered:
      'HEADERS 3 :status=200 content-type=application/grpc grpc-status=8 grpc-message=too many messages are on their way END',
  },
  request_timeout: {
    bounds: { requestMs: 100 },
    allowed: (peer) => {
      peer.send(headers(1, callFields(path)))
      peer.wait(100)
    },
    beyond: (peer) => peer.wait(1),
    answered:
      'HEADERS 1 :status=200 content-type=application/grpc grpc-status=4 grpc-message=the request did not arrive in time END',
  },
  answer_timeout: {
    bounds: { requestMs: 100 },
    allowed: (peer) => {
      peer.send(settings({ 4: 0 }), call(1, path))
      peer.wait(200)
    },
    beyond: (peer) => peer.wait(1),
    answered: 'RST_STREAM 1 CANCEL',
  },
  malformed: {
    bounds: {},
    allowed: (peer) => peer.send(call(1, path)),
    beyond: (peer) => peer.send(headers(3, [['a', 'b']])),
    answered: 'RST_STREAM 3 PROTOCOL_ERROR',
  },
}

function peerOf(rule: Rule, { bounds, methods = echoing }: Attack): PlainPeer {
  const lane = plainLane(methods, bounds)
  return rule === 'preface_timeout' ? new PlainPeer(lane) : PlainPeer.settled(lane)
}

describe('floods and slowness cost the connection', () => {
  for (const [rule, attack] of Object.entries(cutting) as [Rule, Attack][]) {
    test(rule, () => {
      const peer = peerOf(rule, attack)
      attack.allowed(peer)
      assert.equal(peer.connection.state, 'open')
      peer.heard()
      const heard = attack.beyond(peer)
      assert.match(heard.join(), new RegExp(attack.answered))
      assert.ok(['cut', 'destroy'].includes(heard.at(-1)!))
      assert.deepEqual(peer.lane.events, [{ event: 'lane_cut', rule, peer: 'plain' }])
      assert.equal(peer.lane.counts.rules[rule], 1)
      assert.equal(peer.lane.counts.streams, 0)
    })
  }

  for (const [kibibytes, form] of [
    [1, 0x40],
    [60, 0x00],
    [90, 0x40],
    [1_024, 0x00],
    [8_192, 0x40],
  ] as const) {
    test(`a header of ${kibibytes} KiB that an Envoy passes on from a client changes nothing`, () => {
      const peer = PlainPeer.settled()
      const bytes = block(callFields(path, { tracestate: ' <'.repeat(512 * kibibytes) }), form)
      assert.match(sendBlock(peer, 1, bytes).join(), /HEADERS 1 grpc-status=0 END/)
      // What is in the table is as the peer thinks.
      peer.send(headers(3, callFields(path), 'END_STREAM'))
      assert.match(sendBlock(peer, 5, block(callFields(path), 0x40)).join(), /HEADERS 5 grpc-status=0 END/)
      const again = peer.send(frame('HEADERS', 7, 'c3c2c1c0bfbe', 'END_HEADERS'))
      assert.deepEqual(again, [])
      assert.match(peer.send(frame('DATA', 7, message('A'), 'END_STREAM')).join(), /grpc-status=0/)
    })
  }

  test('a flood is one within a window of time', () => {
    const peer = PlainPeer.settled(plainLane(echoing, { pings: 5, windowMs: 1_000 }))
    for (let window = 0; window < 10; window++) {
      peer.send(...repeat(5, () => ping))
      peer.now += 1_000
    }
    assert.equal(peer.connection.state, 'open')
  })

  test('a busy connection, whose reads all end within a frame, is not slow', () => {
    const peer = PlainPeer.settled(plainLane(echoing, { frameMs: 100 }))
    peer.send(ping.subarray(0, 3))
    for (let round = 0; round < 10; round++) {
      peer.wait(60)
      peer.send(ping.subarray(3), ping.subarray(0, 3))
    }
    assert.equal(peer.connection.state, 'open')
    assert.match(peer.wait(101).join(), /ENHANCE_YOUR_CALM/)
  })

  test('who has read nothing of what waits for 30 s is cut off, who reads a little is not', () => {
    const peer = PlainPeer.settled()
    peer.waiting = 1_000
    for (let second = 0; second < 60; second++) {
      peer.waiting--
      peer.wait(1_000)
      peer.send(ping)
      peer.waiting += 17
    }
    assert.equal(peer.connection.state, 'open')
    peer.wait(30_000)
    assert.equal(peer.connection.state, 'open')
    assert.deepEqual(peer.wait(1), ['destroy'])
    assert.equal(peer.lane.counts.rules.slow_reader, 1)
  })

  test('answers that are forgotten wait for nobody', () => {
    const peer = PlainPeer.settled(plainLane(echoing, { queuedBytes: 100 }), { 4: 0 })
    for (let index = 0; index < 20; index++) peer.send(call(id(index), path, 'ABCDE'), rstStream(id(index)))
    for (let index = 20; index < 40; index++) {
      peer.send(call(id(index), path, 'ABCDE'))
      peer.send(rstStream(id(index)))
    }
    assert.equal(peer.connection.state, 'open')
  })

  test('a block of headers has its time as a whole', () => {
    const peer = PlainPeer.settled(plainLane(echoing, { frameMs: 100 }))
    peer.send(frame('HEADERS', 1))
    peer.wait(60)
    peer.send(frame('CONTINUATION', 1))
    assert.match(peer.wait(41).join(), /ENHANCE_YOUR_CALM/)
    assert.equal(peer.lane.counts.rules.frame_timeout, 1)
  })

  test('the bytes of a block are bounded, too', () => {
    const peer = PlainPeer.settled(plainLane(echoing, { blockBytes: 64_000 }))
    peer.send(frame('HEADERS', 1, block([['x', '<'.repeat(100_000)]]).subarray(0, 16_000)))
    const part = frame('CONTINUATION', 1, Buffer.alloc(16_000))
    peer.send(...repeat(3, () => part))
    assert.equal(peer.connection.state, 'open')
    assert.match(peer.send(part).join(), /ENHANCE_YOUR_CALM/)
    assert.equal(peer.lane.counts.rules.continuation_flood, 1)
  })

  test('a rapid reset of 50,000 streams in 10 s is no more than a fleet’s clients do', () => {
    const peer = PlainPeer.settled()
    const both = (index: number) => Buffer.concat([call(id(index), path), rstStream(id(index))])
    for (let round = 0; round < 50; round++)
      peer.send(...repeat(1_000, (index) => both(1_000 * round + index)))
    assert.equal(peer.connection.state, 'open')
    assert.equal(peer.lane.counts.resets, 50_000)
    assert.equal(peer.lane.counts.dropped, 50_000)
    assert.equal(peer.lane.counts.calls, 0)
    assert.match(peer.send(both(50_000)).join(), /ENHANCE_YOUR_CALM/)
  })
})

describe('content costs the stream alone', () => {
  for (const [rule, attack] of Object.entries(refusing) as [Rule, Attack][]) {
    test(rule, () => {
      const peer = peerOf(rule, attack)
      attack.allowed(peer)
      assert.equal(peer.lane.counts.rules[rule], undefined)
      peer.heard()
      assert.equal(attack.beyond(peer)[0], attack.answered)
      assert.deepEqual(peer.lane.refused, [rule])
      assert.equal(peer.connection.state, 'open')
      assert.deepEqual(peer.lane.events, [])
    })
  }
})

describe('what all connections share', () => {
  test('streams, and bytes of messages on their way', () => {
    const lane = plainLane(echoing, { streamsInAll: 3, heldBytesInAll: 30 })
    const [first, second] = [PlainPeer.settled(lane), PlainPeer.settled(lane)]
    first.send(headers(1, callFields(path)), headers(3, callFields(path)))
    first.send(frame('DATA', 1, message('x'.repeat(60)).subarray(0, 35)))
    assert.deepEqual(second.send(headers(1, callFields(path)), headers(3, callFields(path))), [
      'RST_STREAM 3 REFUSED_STREAM',
    ])
    assert.match(second.send(frame('DATA', 1, message('xy').subarray(0, 6))).join(), /grpc-status=8/)
    first.connection.abandon()
    assert.equal(lane.held.used, 0)
    assert.match(second.send(call(5, path, 'A'), call(7, path, 'A')).join(), /HEADERS 7 grpc-status=0/)
  })
})

test('bytes that wait are bounded over all connections: whoever has the most is cut off', () => {
  const lane = plainLane(echoing, { queuedBytesInAll: 1_000 })
  const [first, second, third] = [PlainPeer.settled(lane), PlainPeer.settled(lane), PlainPeer.settled(lane)]
  const ask = (peer: PlainPeer, waiting: number) => {
    peer.waiting = waiting
    return peer.send(ping).at(-1)
  }
  ask(first, 500)
  ask(second, 400)
  ask(third, 100)
  assert.equal(lane.backlogs.used, 1_000)
  ask(third, 101)
  assert.deepEqual([first.heard().at(-1), first.connection.state], ['destroy', 'ended'])
  assert.equal(ask(third, 700), 'destroy')
  assert.equal(lane.backlogs.used, 400)
  second.connection.abandon()
  assert.equal(lane.backlogs.used, 0)
  assert.equal(lane.counts.rules.slow_reader, 2)
})

test('the table is bounded in bytes', () => {
  const peer = PlainPeer.settled()
  const large = block([['x', 'y'.repeat(4_000)]], 0x40)
  peer.send(frame('HEADERS', 1, Buffer.concat([block(callFields(path), 0x40), large]), 'END_HEADERS'))
  // The large field has left room for one other.
  assert.match(peer.send(frame('HEADERS', 3, 'c0', 'END_HEADERS')).join(), /COMPRESSION_ERROR/)
})

test('a body that is no gRPC is read so far, and answered', () => {
  const peer = PlainPeer.settled(plainLane(echoing, { foreignBytes: 20_000 }))
  peer.send(headers(1, callFields(path, { 'content-type': 'text/plain' })))
  const part = frame('DATA', 1, Buffer.alloc(16_000))
  assert.deepEqual(peer.send(part), [])
  const heard = peer.send(part)
  assert.match(heard[0]!, /:status=415/)
  assert.equal(heard.at(-1), 'RST_STREAM 1 NO_ERROR')
  assert.deepEqual(peer.send(part), [])
})

test('each bound has its number, and each rule of it its test', () => {
  for (const [name, value] of Object.entries(defaultBounds)) assert.ok(value > 0, name)
  const broken = [
    'protocol',
    'frame_size',
    'flow_control',
    'stream_closed',
    'compression',
    'preface',
    'internal',
  ]
  const bySockets = ['alpn', 'connections', 'handshake_timeout']
  assert.deepEqual([...Object.keys(cutting), ...broken, ...bySockets].sort(), [...connectionRules].sort())
  assert.deepEqual(Object.keys(refusing).sort(), [...streamRules].sort())
})
