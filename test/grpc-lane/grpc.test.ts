import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseTimeout } from '../../src/grpc-lane/grpc.ts'
import { healthMethods } from '../../src/grpc-lane/health.ts'
import { type Call, LaneError, type Method } from '../../src/grpc-lane/method.ts'
import { percentEncode } from '../../src/grpc-lane/refusal.ts'
import { echo, PlainPeer, plainLane } from './plain.ts'
import { call, callFields, frame, headers, message, rstStream } from './wire.ts'

const path = '/test.Lane/Echo'
const gRPC = ':status=200 content-type=application/grpc'
const status = (code: number, text: string) => [
  `HEADERS 1 ${gRPC} grpc-status=${code} grpc-message=${text} END`,
]
const protocolError = ['RST_STREAM 1 PROTOCOL_ERROR']

/** A call whose headers are others; undefined takes one away. */
const withFields = (over: Record<string, string | undefined>) => [
  headers(1, callFields(path, over)),
  frame('DATA', 1, message('A'), 'END_STREAM'),
]
/** A call whose body is another. */
const withBody = (...bodies: Buffer[]) => [
  headers(1, callFields(path)),
  ...bodies.map((body, index) =>
    frame('DATA', 1, body, ...(index === bodies.length - 1 ? (['END_STREAM'] as const) : [])),
  ),
]

const answered = [`HEADERS 1 ${gRPC}`, 'DATA 1 000000000141', 'HEADERS 1 grpc-status=0 END']

interface Case {
  sent: Buffer[]
  answered: string[] | RegExp
}

const cases: Record<string, Record<string, Case>> = {
  'headers of a request (RFC 9113 section 8.3)': {
    'a field name in capitals': { sent: withFields({ Te: 'trailers' }), answered: protocolError },
    'a field name with a space': { sent: withFields({ 'a b': 'c' }), answered: protocolError },
    'a field value with a line break': { sent: withFields({ a: 'b\nc' }), answered: protocolError },
    'a field value with spaces around it, as a client may have Envoy send': {
      sent: withFields({ tracestate: ' a=b ' }),
      answered,
    },
    'a field of the connection': { sent: withFields({ connection: 'close' }), answered: protocolError },
    'te that is not trailers': { sent: withFields({ te: 'gzip' }), answered: protocolError },
    'a pseudo-header that nobody knows': { sent: withFields({ ':status': '200' }), answered: protocolError },
    'a pseudo-header behind a field': {
      sent: [headers(1, callFields(path, { ':authority': undefined }).concat([[':authority', 'lane']]))],
      answered: protocolError,
    },
    'a pseudo-header twice': {
      sent: [headers(1, [[':authority', 'lane'], ...callFields(path)])],
      answered: protocolError,
    },
    'no method': { sent: withFields({ ':method': undefined }), answered: protocolError },
    'no scheme': { sent: withFields({ ':scheme': undefined }), answered: protocolError },
    'no path': { sent: withFields({ ':path': undefined }), answered: protocolError },
    'a path without its slash': { sent: withFields({ ':path': 'test' }), answered: protocolError },
    'a host that is not the authority': { sent: withFields({ host: 'other' }), answered: protocolError },
    'a content-length that the body does not have': {
      sent: withFields({ 'content-length': '7' }),
      answered: protocolError,
    },
    'a content-length that is no number': {
      sent: withFields({ 'content-length': '6x' }),
      answered: protocolError,
    },
    'a content-length that is right': { sent: withFields({ 'content-length': '6' }), answered },
    'CONNECT with a path': { sent: withFields({ ':method': 'CONNECT' }), answered: protocolError },
  },
  'what a request asks for': {
    'application/grpc+proto': { sent: withFields({ 'content-type': 'application/grpc+proto' }), answered },
    'parameters of it': { sent: withFields({ 'content-type': 'application/grpc; a=b' }), answered },
    'another message format': {
      sent: withFields({ 'content-type': 'application/grpc+json' }),
      answered: /:status=415/,
    },
    'no gRPC': { sent: withFields({ 'content-type': 'application/json' }), answered: /:status=415/ },
    'another method of HTTP': {
      sent: withFields({ ':method': 'PUT' }),
      answered: /:status=405 .*allow=POST/,
    },
    'no te': { sent: withFields({ te: undefined }), answered: status(13, 'the request has no te: trailers') },
    'a method that is not there': {
      sent: withFields({ ':path': '/test.Lane/None' }),
      answered: status(12, 'no such method here'),
    },
    'a grpc-timeout without a unit': {
      sent: withFields({ 'grpc-timeout': '20' }),
      answered: status(13, 'grpc-timeout makes no sense'),
    },
    'an encoding that the message does not use': { sent: withFields({ 'grpc-encoding': 'gzip' }), answered },
  },
  messages: {
    'one in many parts': {
      sent: withBody(...[...message('A')].map((byte) => Buffer.of(byte))),
      answered,
    },
    'one whose stream ends later': { sent: withBody(message('A'), Buffer.alloc(0)), answered },
    none: { sent: withBody(Buffer.alloc(0)), answered: status(12, 'the method takes exactly one message') },
    'none, and no body either': {
      sent: [headers(1, callFields(path), 'END_STREAM')],
      answered: status(12, 'the method takes exactly one message'),
    },
    two: {
      sent: withBody(Buffer.concat([message('A'), message('B')])),
      answered: status(12, 'the method takes exactly one message'),
    },
    'an end within the length': {
      sent: withBody(Buffer.of(0, 0)),
      answered: status(13, 'the request ends within a message'),
    },
    'an end within the message': {
      sent: withBody(message('AB').subarray(0, 6)),
      answered: status(13, 'the request ends within a message'),
    },
    'compressed in a way that nobody knows': {
      sent: [
        headers(1, callFields(path, { 'grpc-encoding': 'gzip' })),
        frame('DATA', 1, message('A', 1), 'END_STREAM'),
      ],
      answered: [
        `HEADERS 1 ${gRPC} grpc-status=12 grpc-message=the encoding of the message is not known here grpc-accept-encoding=identity END`,
      ],
    },
    'compressed without saying how': { sent: withBody(message('A', 1)), answered: /grpc-status=13/ },
    'a flag of 2': { sent: withBody(message('A', 2)), answered: /grpc-status=13/ },
  },
}

for (const [part, list] of Object.entries(cases)) {
  describe(part, () => {
    for (const [name, { sent, answered: expected }] of Object.entries(list)) {
      test(name, () => {
        const heard = PlainPeer.settled().send(...sent)
        if (expected instanceof RegExp) assert.match(heard.join('\n'), expected)
        else assert.deepEqual(heard, expected)
      })
    }
  })
}

test('objects of streams that are used again know nothing of their last use', () => {
  const peer = PlainPeer.settled()
  const sized = (id: number) => [
    headers(id, callFields(path, { 'content-length': '6' })),
    frame('DATA', id, message('A').subarray(0, 3)),
    frame('DATA', id, message('A').subarray(3), 'END_STREAM'),
  ]
  for (let id = 1; id < 9; id += 2) {
    assert.deepEqual(peer.send(...sized(id)).at(-1), `HEADERS ${id} grpc-status=0 END`)
  }
})

describe('what a method sees and says', () => {
  function asked(method: Method, over: Record<string, string> = {}): { peer: PlainPeer; heard: string[] } {
    const peer = PlainPeer.settled(plainLane(new Map([[path, method]])))
    const heard = peer.send(headers(1, callFields(path, over)), frame('DATA', 1, message('A'), 'END_STREAM'))
    return { peer, heard }
  }

  test('the path and the deadline', () => {
    let seen: unknown
    const method: Method = (bytes, { path: of, deadline, aborted }) => {
      seen = { bytes: bytes.toString(), of, deadline, aborted }
      return bytes
    }
    const peer = PlainPeer.settled(plainLane(new Map([[path, method]])))
    peer.now = 100
    peer.send(
      headers(1, callFields(path, { 'grpc-timeout': '20m' })),
      frame('DATA', 1, message('A'), 'END_STREAM'),
    )
    assert.deepEqual(seen, { bytes: 'A', of: path, deadline: 120, aborted: false })
    let none: unknown
    asked((bytes, call) => {
      none = call.deadline
      return bytes
    })
    assert.equal(none, Number.POSITIVE_INFINITY)
  })

  test('a status, its text coded as gRPC codes it', () => {
    const { heard } = asked(() => {
      throw new LaneError('NOT_FOUND', '100 % größer')
    })
    assert.deepEqual(heard, status(5, '100 %25 gr%C3%B6%C3%9Fer'))
  })

  test('a failure that nobody foresaw is observed, and says nothing to the peer', () => {
    const { peer, heard } = asked(() => {
      throw new Error('a secret')
    })
    assert.deepEqual(heard, status(13, 'internal error'))
    assert.deepEqual(
      peer.lane.events.map(({ event }) => event),
      ['failed'],
    )
  })
})

describe('answers that take their time', () => {
  function waiting() {
    const asked: { call: Call; resolve: (bytes: Uint8Array) => void; reject: (error: Error) => void }[] = []
    const method: Method = (_, call) =>
      new Promise((resolve, reject) => {
        asked.push({ call, resolve, reject })
      })
    const lane = plainLane(new Map([[path, method], ['/test.Lane/Now', echo]])) // biome-ignore format: pairs
    return { asked, peer: PlainPeer.settled(lane) }
  }
  /** Lets the reactions to promises run, all of which are settled. */
  const settle = () => new Promise((resolve) => setImmediate(resolve))

  test('those of one turn go out in one write, in the order in which they came to be', async () => {
    const { asked, peer } = waiting()
    assert.deepEqual(peer.send(call(1, path), call(3, path), call(5, path)), [])
    asked[2]!.resolve(Buffer.from('C'))
    asked[0]!.resolve(Buffer.from('A'))
    asked[1]!.reject(new LaneError('UNAVAILABLE', 'later'))
    await settle()
    peer.writes = 0
    assert.deepEqual(peer.endTurn(), [
      `HEADERS 5 ${gRPC}`,
      'DATA 5 000000000143',
      'HEADERS 5 grpc-status=0 END',
      `HEADERS 1 ${gRPC}`,
      'DATA 1 000000000141',
      'HEADERS 1 grpc-status=0 END',
      `HEADERS 3 ${gRPC} grpc-status=14 grpc-message=later END`,
    ])
    assert.equal(peer.writes, 1)
  })

  test('a call that was reset is seen as aborted, and its answer is not sent', async () => {
    const { asked, peer } = waiting()
    peer.send(call(1, path), call(3, path))
    asked[1]!.resolve(Buffer.from('C'))
    await settle()
    peer.send(rstStream(1), rstStream(3))
    assert.deepEqual(
      asked.map((each) => each.call.aborted),
      [true, true],
    )
    asked[0]!.resolve(Buffer.from('A'))
    await settle()
    assert.deepEqual(peer.endTurn(), [])
  })

  test('objects of calls are used again only when nobody holds them', async () => {
    const { asked, peer } = waiting()
    peer.send(call(1, path))
    peer.send(rstStream(1))
    peer.send(call(3, path))
    assert.notEqual(asked[0]!.call, asked[1]!.call)
    asked[0]!.resolve(Buffer.from('A'))
    asked[1]!.resolve(Buffer.from('B'))
    await settle()
    assert.equal(peer.endTurn()[1], 'DATA 3 000000000142')
  })

  test('the deadline of the caller ends the waiting', async () => {
    const { asked, peer } = waiting()
    peer.send(
      headers(1, callFields(path, { 'grpc-timeout': '20m' })),
      frame('DATA', 1, message('A'), 'END_STREAM'),
    )
    assert.deepEqual(peer.wait(19), [])
    assert.deepEqual(peer.wait(1), status(4, 'the deadline has passed'))
    assert.equal(asked[0]!.call.aborted, true)
    asked[0]!.resolve(Buffer.from('A'))
    await settle()
    assert.deepEqual(peer.endTurn(), [])
  })

  test('a connection that goes leaves nothing behind', async () => {
    const { asked, peer } = waiting()
    peer.send(call(1, path), headers(3, callFields(path)), frame('DATA', 3, message('AB').subarray(0, 6)))
    peer.connection.abandon()
    assert.equal(asked[0]!.call.aborted, true)
    asked[0]!.resolve(Buffer.from('A'))
    await settle()
    assert.deepEqual(peer.endTurn(), [])
    assert.equal(peer.lane.counts.streams, 0)
    assert.equal(peer.lane.streams.used, 0)
    assert.equal(peer.lane.held.used, 0)
  })
})

describe('leaving (RFC 9113 section 6.8)', () => {
  const ping = Buffer.from('draining')

  test('calls under way are finished, those after the last one named are refused', async () => {
    let answer = (_: Uint8Array) => {}
    const method: Method = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const peer = PlainPeer.settled(plainLane(new Map([[path, method]])))
    peer.send(call(1, path))
    peer.connection.drain()
    assert.deepEqual(peer.heard(), ['GOAWAY 2147483647 NO_ERROR', `PING ${ping.toString('hex')}`])
    peer.send(call(3, path))
    assert.deepEqual(peer.send(frame('PING', 0, ping, 'ACK'), call(5, path)), [
      'GOAWAY 3 NO_ERROR',
      'RST_STREAM 5 REFUSED_STREAM',
    ])
    const last = answer
    peer.send(rstStream(1))
    last(Buffer.from('B'))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(peer.endTurn().slice(-2), ['HEADERS 3 grpc-status=0 END', 'end'])
  })

  test('a connection that is cut off then names no stream after that', () => {
    const peer = PlainPeer.settled(plainLane(new Map([[path, () => new Promise<Uint8Array>(() => {})]])))
    peer.send(call(1, path))
    peer.connection.drain()
    peer.send(frame('PING', 0, ping, 'ACK'))
    peer.send(call(9, path))
    assert.deepEqual(peer.send(frame('DATA', 0)), ['GOAWAY 1 PROTOCOL_ERROR', 'cut'])
  })

  test('one that has nothing to do ends when the peer knows', () => {
    const peer = PlainPeer.settled()
    peer.connection.drain()
    peer.heard()
    assert.deepEqual(peer.send(frame('PING', 0, ping, 'ACK')), ['GOAWAY 0 NO_ERROR', 'end'])
  })
})

describe('grpc.health.v1', () => {
  const [[healthPath, check]] = healthMethods((service) =>
    service === 'known' ? false : service === '' || undefined,
  ) as [[string, Method]]
  const said = (bytes: Uint8Array | string) => {
    const peer = PlainPeer.settled(plainLane(new Map([[healthPath, check]])))
    return peer.send(call(1, healthPath, bytes)).join(' ')
  }
  const named = (name: string) => Buffer.concat([Buffer.of(0x0a, name.length), Buffer.from(name)])

  test('SERVING, NOT_SERVING, and NOT_FOUND for a service that is not there', () => {
    assert.match(said(''), /DATA 1 00000000020801/)
    assert.match(said(named('known')), /DATA 1 00000000020802/)
    assert.match(said(named('other')), /grpc-status=5/)
    assert.match(said('\x12'), /grpc-status=3/)
  })
})

describe('small things', () => {
  const timeouts: [text: string, ms: number | undefined][] = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['20m', 20],
    ['500u', 0.5],
    ['99999999m', 99_999_999],
    ['100000000m', undefined],
    ['m', undefined],
    ['-1m', undefined],
    ['1 m', undefined],
    ['1h', undefined],
  ]
  for (const [text, ms] of timeouts) {
    test(`grpc-timeout ${text}`, () => assert.equal(parseTimeout(text), ms))
  }

  test('a percent-encoded message is printable, and says the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const coded = percentEncode(text)
        assert.match(coded, /^[ -~]*$/)
        assert.equal(decodeURIComponent(coded), text)
      }),
    )
  })
})

test('what is no gRPC has no body where HEAD asks (RFC 9110 section 9.3.2)', () => {
  const peer = PlainPeer.settled(plainLane(new Map()))
  const over = { ':method': 'HEAD', 'content-type': undefined, te: undefined }
  const heard = peer.send(headers(1, callFields('/', over), 'END_STREAM'))
  assert.equal(heard.length, 1)
  assert.match(heard[0]!, /^HEADERS 1 :status=415 .* END$/)
})
