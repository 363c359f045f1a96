import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PlainPeer } from './plain.ts'
import {
  block,
  call,
  callFields,
  frame,
  headers,
  message,
  preface,
  rstStream,
  settings,
  uint32,
  windowUpdate,
} from './wire.ts'

const echo = '/test.Lane/Echo'
const fields = callFields(echo)
const open = headers(1, fields)

/** An answer to a call, whose message is given in hex. */
const answered = (id: number, hex = ''): string[] => [
  `HEADERS ${id} :status=200 content-type=application/grpc`,
  `DATA ${id} 00${uint32(hex.length / 2).toString('hex')}${hex}`,
  `HEADERS ${id} grpc-status=0 END`,
]

const goaway = (lastId: number, code: string): string[] => [`GOAWAY ${lastId} ${code}`, 'cut']
const protocol = (lastId = 0) => goaway(lastId, 'PROTOCOL_ERROR')
const frameSize = (lastId = 0) => goaway(lastId, 'FRAME_SIZE_ERROR')

interface Case {
  /** Sent in one piece to a connection that has exchanged its settings. */
  sent: Buffer[]
  answered: string[]
}

const cases: Record<string, Record<string, Case>> = {
  'frames in general (sections 4, 5.5)': {
    'unknown frames are ignored': { sent: [frame(0x20, 0, 'ff'), frame(0x21, 1)], answered: [] },
    'a frame beyond the largest': { sent: [frame('DATA', 1, Buffer.alloc(16_385))], answered: frameSize() },
    'unknown flags are ignored': {
      sent: [Buffer.concat([Buffer.from('0000080650', 'hex'), uint32(0), Buffer.alloc(8)])],
      answered: ['PING ACK 0000000000000000'],
    },
  },
  'stream ids (section 5.1.1)': {
    'an even one': { sent: [headers(2, fields)], answered: protocol() },
    none: { sent: [headers(0, fields)], answered: protocol() },
    'lower than the last, of a stream that was skipped': {
      sent: [headers(5, fields), headers(3, fields)],
      answered: protocol(5),
    },
    'of a stream that was reset': {
      sent: [open, rstStream(1), headers(1, fields)],
      answered: goaway(1, 'STREAM_CLOSED'),
    },
  },
  'stream states (section 5.1)': {
    'DATA when idle': { sent: [frame('DATA', 1)], answered: protocol() },
    'RST_STREAM when idle': { sent: [rstStream(1)], answered: protocol() },
    'WINDOW_UPDATE when idle': { sent: [windowUpdate(1, 1)], answered: protocol() },
    'CONTINUATION when idle': { sent: [frame('CONTINUATION', 1)], answered: protocol() },
    'DATA after END_STREAM': {
      sent: [call(1, echo), frame('DATA', 1)],
      answered: ['RST_STREAM 1 STREAM_CLOSED'],
    },
    'HEADERS after END_STREAM': {
      sent: [call(1, echo), headers(1, [['a', 'b']], 'END_STREAM')],
      answered: ['RST_STREAM 1 STREAM_CLOSED'],
    },
    'DATA after RST_STREAM': {
      sent: [open, rstStream(1), frame('DATA', 1)],
      answered: ['RST_STREAM 1 STREAM_CLOSED'],
    },
    'WINDOW_UPDATE and RST_STREAM after it are ignored': {
      sent: [open, rstStream(1), windowUpdate(1, 1), rstStream(1)],
      answered: [],
    },
    'what follows a reset of ours is ignored': {
      sent: [
        headers(1, callFields(echo, { te: 'gzip' })),
        frame('DATA', 1, message('x')),
        headers(1, [['a', 'b']], 'END_STREAM'),
      ],
      answered: ['RST_STREAM 1 PROTOCOL_ERROR'],
    },
    'a call that is reset before it was decided is not': {
      sent: [call(1, echo), rstStream(1)],
      answered: [],
    },
  },
  'DATA (section 6.1)': {
    'a call': { sent: [call(1, echo, 'A')], answered: answered(1, '41') },
    padded: {
      sent: [
        open,
        frame(
          'DATA',
          1,
          Buffer.concat([Buffer.of(3), message('A'), Buffer.alloc(3)]),
          'PADDED',
          'END_STREAM',
        ),
      ],
      answered: answered(1, '41'),
    },
    'padding as long as the frame': { sent: [open, frame('DATA', 1, '0100', 'PADDED')], answered: [] },
    'padding beyond the frame': { sent: [open, frame('DATA', 1, '0200', 'PADDED')], answered: protocol(1) },
    'padding without its length': { sent: [open, frame('DATA', 1, '', 'PADDED')], answered: frameSize(1) },
    'of no stream': { sent: [frame('DATA', 0)], answered: protocol() },
  },
  'HEADERS and CONTINUATION (sections 6.2, 6.10)': {
    'in three parts': {
      sent: [
        frame('HEADERS', 1, block(fields.slice(0, 2))),
        frame('CONTINUATION', 1, block(fields.slice(2, 3))),
        frame('CONTINUATION', 1, block(fields.slice(3)), 'END_HEADERS'),
        frame('DATA', 1, message('A'), 'END_STREAM'),
      ],
      answered: answered(1, '41'),
    },
    'padded, with a priority': {
      sent: [
        frame(
          'HEADERS',
          1,
          Buffer.concat([Buffer.of(2), uint32(0), Buffer.of(16), block(fields), Buffer.alloc(2)]),
          ...(['END_HEADERS', 'PADDED', 'PRIORITY'] as const),
        ),
        frame('DATA', 1, message('A'), 'END_STREAM'),
      ],
      answered: answered(1, '41'),
    },
    'depending on itself': {
      sent: [
        frame(
          'HEADERS',
          1,
          Buffer.concat([uint32(1), Buffer.of(16), block(fields)]),
          'END_HEADERS',
          'PRIORITY',
        ),
      ],
      answered: protocol(),
    },
    'shorter than the priority': { sent: [frame('HEADERS', 1, '00', 'PRIORITY')], answered: frameSize() },
    'another frame within a block': {
      sent: [frame('HEADERS', 1), frame('PING', 0, Buffer.alloc(8))],
      answered: protocol(),
    },
    'another stream within a block': {
      sent: [frame('HEADERS', 1), frame('CONTINUATION', 3, '', 'END_HEADERS')],
      answered: protocol(),
    },
    'CONTINUATION after the end of a block': {
      sent: [open, frame('CONTINUATION', 1)],
      answered: protocol(1),
    },
    'a block that is no HPACK': {
      sent: [frame('HEADERS', 1, '80', 'END_HEADERS')],
      answered: goaway(0, 'COMPRESSION_ERROR'),
    },
    trailers: {
      sent: [open, frame('DATA', 1, message('A')), headers(1, [['a', 'b']], 'END_STREAM')],
      answered: answered(1, '41'),
    },
    'trailers that do not end the stream': {
      sent: [open, headers(1, [['a', 'b']])],
      answered: ['RST_STREAM 1 PROTOCOL_ERROR'],
    },
    'trailers with a pseudo-header': {
      sent: [open, headers(1, [[':path', '/']], 'END_STREAM')],
      answered: ['RST_STREAM 1 PROTOCOL_ERROR'],
    },
  },
  'PRIORITY (sections 5.3, 6.3)': {
    'is ignored': { sent: [frame('PRIORITY', 1, '0000000310'), call(1, echo)], answered: answered(1) },
    'of no stream': { sent: [frame('PRIORITY', 0, '0000000310')], answered: protocol() },
    'of another length': { sent: [frame('PRIORITY', 1, '00000003')], answered: frameSize() },
    'depending on itself': { sent: [frame('PRIORITY', 3, '0000000310')], answered: protocol() },
  },
  'RST_STREAM and PUSH_PROMISE (sections 6.4, 6.6)': {
    'of another length': { sent: [open, frame('RST_STREAM', 1, '000000')], answered: frameSize(1) },
    'of no stream': { sent: [rstStream(0)], answered: protocol() },
    'clients do not push': { sent: [open, frame('PUSH_PROMISE', 1, '00000002')], answered: protocol(1) },
  },
  'SETTINGS (section 6.5)': {
    'are acknowledged': { sent: [settings({ 3: 100, 99: 1 })], answered: ['SETTINGS ACK'] },
    'of a stream': { sent: [frame('SETTINGS', 1)], answered: protocol() },
    'of another length': { sent: [frame('SETTINGS', 0, '0001')], answered: frameSize() },
    'an acknowledgement with settings': {
      sent: [frame('SETTINGS', 0, '000100000000', 'ACK')],
      answered: frameSize(),
    },
    'ENABLE_PUSH of 2': { sent: [settings({ 2: 2 })], answered: protocol() },
    'a window beyond 2^31-1': {
      sent: [settings({ 4: 2 ** 31 })],
      answered: goaway(0, 'FLOW_CONTROL_ERROR'),
    },
    'a window of a stream beyond 2^31-1': {
      sent: [open, windowUpdate(1, 2 ** 31 - 1 - 65_535), settings({ 4: 65_536 })],
      answered: goaway(1, 'FLOW_CONTROL_ERROR'),
    },
    'frames smaller than the least': { sent: [settings({ 5: 16_383 })], answered: protocol() },
    'frames larger than the most': { sent: [settings({ 5: 2 ** 24 })], answered: protocol() },
  },
  'PING and GOAWAY (sections 6.7, 6.8)': {
    'is answered': { sent: [frame('PING', 0, '0102030405060708')], answered: ['PING ACK 0102030405060708'] },
    'an answer is not': { sent: [frame('PING', 0, '0102030405060708', 'ACK')], answered: [] },
    'of a stream': { sent: [frame('PING', 1, '0102030405060708')], answered: protocol() },
    'of another length': { sent: [frame('PING', 0, '01')], answered: frameSize() },
    'GOAWAY of a stream': { sent: [frame('GOAWAY', 1, Buffer.alloc(8))], answered: protocol() },
    'a GOAWAY that is too short': { sent: [frame('GOAWAY', 0, '00')], answered: frameSize() },
    'a peer that leaves has its answers first': {
      sent: [call(1, echo), frame('GOAWAY', 0, Buffer.alloc(8))],
      answered: [...answered(1), 'GOAWAY 1 NO_ERROR', 'end'],
    },
  },
  'WINDOW_UPDATE (section 6.9)': {
    'of another length': { sent: [frame('WINDOW_UPDATE', 0, '00')], answered: frameSize() },
    'by nothing, of the connection': { sent: [windowUpdate(0, 0)], answered: protocol() },
    'by nothing, of a stream': {
      sent: [open, windowUpdate(1, 0)],
      answered: ['RST_STREAM 1 PROTOCOL_ERROR'],
    },
    'beyond 2^31-1, of the connection': {
      sent: [windowUpdate(0, 2 ** 31 - 1)],
      answered: goaway(0, 'FLOW_CONTROL_ERROR'),
    },
    'beyond 2^31-1, of a stream': {
      sent: [open, windowUpdate(1, 2 ** 31 - 1)],
      answered: ['RST_STREAM 1 FLOW_CONTROL_ERROR'],
    },
  },
}

for (const [part, list] of Object.entries(cases)) {
  describe(part, () => {
    for (const [name, { sent, answered: expected }] of Object.entries(list)) {
      test(name, () => {
        const peer = PlainPeer.settled()
        assert.deepEqual(peer.send(...sent), expected)
        assert.equal(peer.lane.counts.rules.internal, undefined)
      })
    }
  })
}

describe('the preface (section 3.4)', () => {
  test('ours is sent first: SETTINGS, and a larger window', () => {
    const peer = new PlainPeer()
    assert.deepEqual(peer.heard(), [
      'SETTINGS 000100001000000300002000000400410000000601000000',
      'WINDOW_UPDATE 0 33488897',
    ])
  })

  test('may come in any pieces, as every frame may', () => {
    const bytes = Buffer.concat([preface, settings(), call(1, echo, 'A'), call(3, echo, 'B')])
    for (const size of [1, 2, 7, 10, 33]) {
      const peer = new PlainPeer()
      peer.heard()
      const heard: string[] = []
      for (let at = 0; at < bytes.length; at += size) heard.push(...peer.send(bytes.subarray(at, at + size)))
      assert.deepEqual(heard, ['SETTINGS ACK', ...answered(1, '41'), ...answered(3, '42')])
    }
  })

  const wrong = {
    'a request of HTTP/1.1': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    'a preface without SETTINGS': Buffer.concat([preface, frame('PING', 0, Buffer.alloc(8))]),
    'a preface with an acknowledgement': Buffer.concat([preface, frame('SETTINGS', 0, '', 'ACK')]),
  }
  for (const [name, bytes] of Object.entries(wrong)) {
    test(name, () => {
      const peer = new PlainPeer()
      peer.heard()
      assert.deepEqual(peer.send(bytes), protocol())
      assert.deepEqual(peer.lane.events, [{ event: 'lane_cut', rule: 'preface', peer: 'plain' }])
    })
  }
})

test('all answers to one read go out in one write', () => {
  const peer = PlainPeer.settled()
  peer.writes = 0
  const ids = Array.from({ length: 1_000 }, (_, index) => 2 * index + 1)
  const heard = peer.send(...ids.map((id) => call(id, echo, 'A')))
  assert.equal(peer.writes, 1)
  assert.equal(heard.length, 3_000)
  assert.equal(peer.lane.counts.calls, 1_000)
  assert.equal(peer.lane.counts.streams, 0)
})

test('answers are read by a peer with any size of table, and one that changes it (RFC 7541 section 4.2)', () => {
  const peer = PlainPeer.settled()
  let id = 1
  for (const size of [4_096, 0, 50, 200, 103, 104, 100_000, 0, 4_096]) {
    assert.deepEqual(peer.send(settings({ 1: size })), ['SETTINGS ACK'])
    for (let round = 0; round < 3; round++, id += 2) {
      assert.deepEqual(peer.send(call(id, echo, 'A')), answered(id, '41'))
    }
  }
})

test('nothing is read after the end', () => {
  const peer = PlainPeer.settled()
  peer.send(frame('SETTINGS', 1))
  assert.deepEqual(peer.send(call(1, echo)), [])
})

test('a header block that is repeated means the same until the table changes', () => {
  const peer = PlainPeer.settled()
  const indexed = block(fields, 0x40)
  peer.send(frame('HEADERS', 1, indexed, 'END_HEADERS'), frame('DATA', 1, message('A'), 'END_STREAM'))
  // The six fields are 67 to 62 now, the first of them oldest.
  const again = Buffer.of(...[67, 66, 65, 64, 63, 62].map((index) => 0x80 | index))
  const repeated = (id: number) => [
    frame('HEADERS', id, again, 'END_HEADERS'),
    frame('DATA', id, message('A'), 'END_STREAM'),
  ]
  assert.deepEqual(peer.send(...repeated(3), ...repeated(5)), [...answered(3, '41'), ...answered(5, '41')])
  // Longer than what is remembered, and with one field more: 62 to 67 are others now, without a method.
  const other = block(callFields('/test.Lane/Other', { x: '\0'.repeat(300) }), 0x40)
  peer.send(frame('HEADERS', 7, other, 'END_HEADERS'), frame('DATA', 7, message('A'), 'END_STREAM'))
  assert.deepEqual(peer.send(...repeated(9)), ['RST_STREAM 9 PROTOCOL_ERROR'])
})
