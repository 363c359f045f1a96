import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { type Call, LaneError, type Method } from '../../src/grpc-lane/method.ts'
import { issue } from '../support/certificate.ts'
import { echo } from './plain.ts'
import { serveLane } from './serve.ts'
import { message } from './wire.ts'

/** Peers that others wrote: `@grpc/grpc-js`, and `node:http2` (nghttp2) as it is. */

const ca = issue({ commonName: 'ca', isCa: true })
const server = issue({ commonName: 'lane', names: ['localhost', '127.0.0.1'], issuer: ca })
const client = issue({ commonName: 'client', issuer: ca })

let seen: Call | undefined
const methods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['/test.Lane/Echo', echo],
  [
    '/test.Lane/Later',
    async (bytes) => {
      const copy = Buffer.from(bytes)
      await new Promise((resolve) => setImmediate(resolve))
      return copy
    },
  ],
  [
    '/test.Lane/Fail',
    (bytes) => {
      throw new LaneError('RESOURCE_EXHAUSTED', bytes.toString())
    },
  ],
  [
    '/test.Lane/Deadline',
    (bytes, call) => {
      seen = call
      return Buffer.from(`${bytes} ${call.deadline < Number.POSITIVE_INFINITY}`)
    },
  ],
  ['/test.Lane/Never', () => new Promise<Uint8Array>(() => {})],
])

const doors = {
  plaintext: { tls: undefined, credentials: credentials.createInsecure(), scheme: 'http', session: {} },
  TLS: {
    tls: { key: server.privateKey, cert: server.certificate },
    credentials: credentials.createSsl(Buffer.from(ca.certificate)),
    scheme: 'https',
    session: { ca: ca.certificate },
  },
  mTLS: {
    tls: {
      ...{ key: server.privateKey, cert: server.certificate, ca: ca.certificate },
      ...{ requestCert: true, rejectUnauthorized: true },
    },
    credentials: credentials.createSsl(
      ...([ca.certificate, client.privateKey, client.certificate].map((pem) => Buffer.from(pem)) as [
        Buffer,
        Buffer,
        Buffer,
      ]),
    ),
    scheme: 'https',
    session: { ca: ca.certificate, key: client.privateKey, cert: client.certificate },
  },
}

for (const [door, { tls, credentials: given, scheme, session }] of Object.entries(doors)) {
  describe(`peers over ${door}`, () => {
    let port: number
    let grpc: Client
    let http2: ClientHttp2Session
    const ends: (() => unknown)[] = []
    before(async () => {
      const lane = await serveLane(
        { after: (end) => void ends.push(end as () => unknown) },
        { methods, ...(tls === undefined ? {} : { tls }) },
      )
      port = lane.port
      grpc = new Client(`localhost:${port}`, given)
      http2 = connect(`${scheme}://localhost:${port}`, session as SecureClientSessionOptions)
    })
    after(async () => {
      grpc.close()
      http2.destroy()
      for (const end of ends) await end()
    })

    function ask(
      method: string,
      bytes: Buffer,
      metadata = new Metadata(),
      timeoutMs?: number,
    ): Promise<Buffer> {
      const same = (each: Buffer) => each
      const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
      return new Promise((resolve, reject) => {
        grpc.makeUnaryRequest(
          `/test.Lane/${method}`,
          same,
          same,
          bytes,
          metadata,
          options,
          (error, answer) => (error === null ? resolve(answer!) : reject(error)),
        )
      })
    }

    test('grpc-js: messages of all sizes, at once and later', async () => {
      for (const method of ['Echo', 'Later']) {
        for (const size of [0, 1, 100, 16_379, 16_384, 70_000, 1 << 20, 4 << 20]) {
          const bytes = Buffer.alloc(size, 'ab')
          assert.ok(bytes.equals(await ask(method, bytes)), `${method} ${size}`)
        }
      }
    })

    test('grpc-js: a thousand calls at a time', async () => {
      const calls = Array.from({ length: 1_000 }, (_, index) => {
        const bytes = Buffer.from(`call ${index}`)
        return ask(index % 2 === 0 ? 'Echo' : 'Later', bytes).then((answer) => answer.equals(bytes))
      })
      assert.ok((await Promise.all(calls)).every(Boolean))
    })

    test('grpc-js: metadata and deadlines', async () => {
      const metadata = new Metadata()
      metadata.set('x-test', 'a value, that goes into the table')
      for (let round = 0; round < 3; round++) {
        const answer = await ask('Deadline', Buffer.from('in time'), metadata, 60_000)
        assert.equal(answer.toString(), 'in time true')
      }
      assert.ok(seen !== undefined)
    })

    const failures: [name: string, method: string, bytes: Buffer, code: status, details: string][] = [
      [
        'a status of the method’s',
        'Fail',
        Buffer.from('größer als 100 %'),
        status.RESOURCE_EXHAUSTED,
        'größer als 100 %',
      ],
      ['a method that is not there', 'None', Buffer.alloc(0), status.UNIMPLEMENTED, 'no such method here'],
      [
        'a message beyond the bound',
        'Echo',
        Buffer.alloc((4 << 20) + 1),
        status.RESOURCE_EXHAUSTED,
        'the message is too large',
      ],
    ]
    for (const [name, method, bytes, code, details] of failures) {
      test(`grpc-js: ${name}`, async () => {
        await assert.rejects(ask(method, bytes), (error: ServiceError) => {
          assert.deepEqual([error.code, error.details], [code, details])
          return true
        })
        assert.equal((await ask('Echo', Buffer.from('A'))).toString(), 'A')
      })
    }

    test('grpc-js: a deadline that passes', async () => {
      await assert.rejects(ask('Never', Buffer.alloc(0), new Metadata(), 50), {
        code: status.DEADLINE_EXCEEDED,
      })
    })

    test('node:http2: a call, headers in the table and in the Huffman code', async () => {
      for (let round = 0; round < 3; round++) {
        const stream = http2.request({
          ':method': 'POST',
          ':path': '/test.Lane/Deadline',
          te: 'trailers',
          'content-type': 'application/grpc',
          'x-long': 'long'.repeat(300),
          'x-round': `${round} ü`,
        })
        const trailers = once(stream, 'trailers')
        stream.end(message(`${round}`))
        const parts: Buffer[] = []
        for await (const part of stream) parts.push(part as Buffer)
        assert.equal(Buffer.concat(parts).toString('latin1', 5), `${round} false`)
        assert.equal((await trailers)[0]['grpc-status'], '0')
      }
    })

    test('node:http2: what is no gRPC gets 415 with a body', async () => {
      const stream = http2.request({ ':path': '/' })
      const [headers] = await once(stream, 'response')
      let body = ''
      for await (const part of stream) body += part
      assert.equal(headers[':status'], 415)
      assert.equal(Number(headers['content-length']), body.length)
    })

    test('node:http2: a smaller table for answers', async () => {
      http2.settings({ headerTableSize: 0 })
      await once(http2, 'localSettings')
      assert.equal((await ask('Echo', Buffer.from('A'))).toString(), 'A')
      for (let round = 0; round < 3; round++) {
        const stream = http2.request({ ':path': '/', ':method': 'POST', 'content-type': 'application/grpc' })
        stream.end()
        const [headers] = await once(stream, 'response')
        assert.equal(headers['grpc-status'], '13')
        stream.resume()
        await once(stream, 'close')
      }
    })

    test('node:http2: pings', async () => {
      const echoed = await new Promise<Buffer>((resolve, reject) =>
        http2.ping(Buffer.from('12345678'), (error, _, payload) =>
          error === null ? resolve(payload) : reject(error),
        ),
      )
      assert.equal(echoed.toString(), '12345678')
    })
  })
}
