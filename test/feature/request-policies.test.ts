import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect, type OutgoingHttpHeaders } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { rawExchange } from '../support/raw.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream

const policy = (name: string, spec: object) => ({ kind: 'RequestPolicy', name, spec })

before(async () => {
  // What arrived of the body, once it is whole.
  upstream = await startUpstream('a', (response, incoming) => {
    let size = 0
    incoming.on('data', (chunk: Buffer) => (size += chunk.length))
    incoming.once('end', () => response.end(`${incoming.method} ${size}`))
  })
  edge = await startEdge({ maxRequestBytes: '100B' })
  await edge.apply(
    cluster('a', upstream),
    policy('ten', { maxBytes: '10B' }),
    policy('none', { maxBytes: '0B' }),
    policy('large', { maxBytes: '1KiB' }),
    policy('typed', { contentTypes: ['application/json', 'image/*', 'application/vnd.a+json'] }),
    policy('reads', { methods: ['GET', 'HEAD'], contentTypes: ['text/plain'] }),
    policy('open', { openapi: { openapi: '3.1.0', paths: {} }, maxBytes: '10B' }),
    policy('described', { maxBytes: '10B', unknownOperations: 'allow' }),
    policy('attacks', { reject: ['sql_injection'] }),
    route('rest', '/'),
    ...['ten', 'none', 'large', 'typed', 'open', 'described', 'attacks'].map((name) =>
      route(name, `/${name}`, { request: name }),
    ),
    route('reads', '/reads', { request: 'reads', cors: { allowOrigins: ['https://a.example'] } }),
    route('answers', '/answers', { request: 'ten', respond: { status: 200, body: 'read' } }),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

type Body = readonly string[]

/** A request whose body goes with a content-length, or without one. */
type Send = (
  path: string,
  body: Body,
  headers?: Record<string, string>,
  method?: string,
) => Promise<{ status: number; type: string | undefined; text: string }>

function http1(framed: boolean): Send {
  return (path, body, headers = {}, method = 'POST') =>
    new Promise((resolve, reject) => {
      const length = Buffer.byteLength(body.join(''))
      const outgoing = request({
        ...{ host: '127.0.0.1', port: edge.port, path, method, agent: false },
        headers: {
          ...headers,
          ...(framed ? { 'content-length': length } : { 'transfer-encoding': 'chunked' }),
        },
      })
      outgoing.once('response', (response: IncomingMessage) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('end', () => {
          const { statusCode, headers } = response
          resolve({
            status: statusCode!,
            type: headers['content-type'],
            text: Buffer.concat(chunks).toString(),
          })
          outgoing.destroy()
        })
      })
      outgoing.once('error', reject)
      for (const chunk of body) outgoing.write(chunk)
      outgoing.end()
    })
}

function http2(framed: boolean): Send {
  return async (path, body, headers = {}, method = 'POST') => {
    const length = Buffer.byteLength(body.join(''))
    const all: OutgoingHttpHeaders = { ':path': path, ':method': method, ...headers }
    if (framed) all['content-length'] = length
    const session = connect(`http://127.0.0.1:${edge.port}`)
    try {
      const stream = session.request(all, { endStream: body.length === 0 })
      stream.on('error', () => {})
      for (const chunk of body) stream.write(chunk)
      if (body.length > 0) stream.end()
      const [answer] = await once(stream, 'response')
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      await once(stream, 'end')
      return {
        status: answer[':status'],
        type: answer['content-type'],
        text: Buffer.concat(chunks).toString(),
      }
    } finally {
      session.destroy()
    }
  }
}

const problemJson = 'application/problem+json'

for (const [title, send] of [
  ['HTTP/1.1 with content-length', http1(true)],
  ['HTTP/1.1 in chunks', http1(false)],
  ['HTTP/2 with content-length', http2(true)],
  ['HTTP/2 without', http2(false)],
] as const) {
  describe(title, () => {
    const x = (count: number): Body => ['x'.repeat(count - 1), 'x']

    test('a body of the bound passes, one more byte is a 413', async () => {
      assert.deepEqual(await send('/ten', x(10)), { status: 200, type: undefined, text: 'POST 10' })
      const { status, type, text } = await send('/ten', x(11))
      assert.deepEqual([status, type, JSON.parse(text).status], [413, problemJson, 413])
    })

    test('the gateway’s bound holds where the route has none, and above its own', async () => {
      for (const path of ['/', '/large']) {
        assert.equal((await send(path, x(100))).text, 'POST 100')
        assert.equal((await send(path, x(101))).status, 413)
      }
    })

    test('a bound of nothing refuses every body, and no request without', async () => {
      assert.equal((await send('/none', [])).status, 200)
      assert.equal((await send('/none', ['x'])).status, 413)
      assert.equal((await send('/none', x(50))).status, 413)
    })

    test('a media type of the list passes, with parameters and in any case', async () => {
      for (const type of [
        ...['application/json', 'Application/JSON', 'application/json; charset=utf-8'],
        ...['application/json ;charset=utf-8', 'image/png', 'application/vnd.a+json'],
        'application/json; profile="a,b\\"c"; charset=utf-8',
      ]) {
        const { status, text } = await send('/typed', ['{', '}'], { 'content-type': type })
        assert.deepEqual([status, text], [200, 'POST 2'], type)
      }
    })

    test('another one is a 415, and so is none, whatever the method', async () => {
      for (const type of [
        ...['text/plain', 'application/jsonx', 'xapplication/json', 'application/json,text/plain', 'image/'],
        ...['application/vndXa+json', 'text/plain; a=application/json', ''],
        // As Envoy joins two lines.
        ...['application/json;a=b,text/html', 'application/json; charset=utf-8, text/html'],
        'application/json; a="b",text/html',
      ]) {
        for (const method of ['POST', 'DELETE']) {
          const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
          const one = await send('/typed', ['x'], headers, method)
          assert.deepEqual([one.status, one.type, JSON.parse(one.text).status], [415, problemJson, 415], type)
          assert.equal((await send('/typed', x(50), headers, method)).status, 415, type)
        }
      }
    })

    test('without a body any media type passes', async () => {
      assert.equal((await send('/typed', [])).status, 200)
      assert.equal((await send('/typed', [], { 'content-type': 'text/plain' })).status, 200)
    })

    test('a body of the right type is still bounded', async () => {
      assert.equal((await send('/typed', x(101), { 'content-type': 'image/png' })).status, 413)
    })

    test('a route that answers itself waits for no body: it bounds what a content-length says', async () => {
      assert.equal((await send('/answers', x(10))).text, 'read')
      assert.equal((await send('/answers', x(11))).status, title.endsWith('content-length') ? 413 : 200)
    })
  })
}

test('nothing is buffered: the upstream has the beginning of a body that has no end yet', async () => {
  for (const path of ['/ten', '/typed']) {
    const count = upstream.seen.length + 1
    const session = connect(`http://127.0.0.1:${edge.port}`)
    const stream = session.request({ ':path': path, ':method': 'POST', 'content-type': 'image/png' })
    stream.write('12345')
    await upstream.seenCount(count)
    stream.end('67890')
    const [answer] = await once(stream, 'response')
    assert.equal(answer[':status'], 200)
    session.destroy()
  }
})

describe('methods', () => {
  test('of the list pass, others get a 405 with Allow', async () => {
    assert.equal((await edge.send('/reads')).body, 'GET 0')
    const { status, headers, body } = await edge.send({ path: '/reads', method: 'DELETE' })
    assert.deepEqual([status, headers.allow, headers['content-type']], [405, 'GET, HEAD', problemJson])
    assert.equal(JSON.parse(body).title, 'Method Not Allowed')
  })

  test('a preflight is answered all the same', async () => {
    const headers = { origin: 'https://a.example', 'access-control-request-method': 'GET' }
    const { status, headers: answered } = await edge.send({ path: '/reads', method: 'OPTIONS', headers })
    assert.deepEqual([status, answered['access-control-allow-origin']], [200, 'https://a.example'])
    assert.equal((await edge.send({ path: '/reads', method: 'OPTIONS' })).status, 405)
  })
})

describe('what is not delivered yet', () => {
  for (const name of ['open', 'attacks']) {
    test(`a policy with it closes its routes: ${name}`, async () => {
      const { status, headers, body } = await edge.send(`/${name}`)
      assert.deepEqual([status, headers['content-type'], JSON.parse(body).status], [503, problemJson, 503])
    })
  }

  test('its default closes nothing', async () => assert.equal((await edge.send('/described')).status, 200))

  test('the write is told, and of a bound above the gateway’s', async () => {
    const { body } = await edge.weir.api('POST', '/v1/apply', [
      policy('open', { openapi: { openapi: '3.1.0', paths: {} }, maxBytes: '9B' }),
      policy('large', { maxBytes: '2KiB' }),
    ])
    assert.deepEqual(
      body.warnings.map((told: { name: string; pointer: string }) => `${told.name} ${told.pointer}`).sort(),
      ['large /spec/maxBytes', 'open /spec/openapi'],
    )
  })
})

test('an upgrade has no body: what follows it is not bounded, and not passed on before it is agreed', async () => {
  const before = upstream.seen.length
  const upgrade = 'GET /ten HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
  const smuggled = `GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n${'x'.repeat(50)}`
  const refused = await rawExchange(edge.port, `${upgrade}content-length: 11\r\n\r\n01234567890`)
  assert.match(refused, /^HTTP\/1.1 413 /)
  const passed = await rawExchange(edge.port, `${upgrade}\r\n${smuggled}`)
  assert.match(passed, /^HTTP\/1.1 200 /)
  assert.deepEqual(
    upstream.seen.slice(before).map(({ url }) => url),
    ['/ten'],
  )
})

test('a change of the gateway’s bound, or of a policy, drains no listener', async () => {
  const created = async () => {
    const stats = await edge.envoy.stats('listener_create_success')
    return stats['listener_manager.listener_create_success']
  }
  const before = await created()
  await edge.apply(policy('ten', { maxBytes: '20B' }))
  assert.equal((await http1(true)('/ten', ['x'.repeat(20)])).status, 200)
  await edge.apply(gateway(edge.port, { maxRequestBytes: '15B' }))
  assert.equal((await http1(true)('/ten', ['x'.repeat(20)])).status, 413)
  assert.equal(await created(), before)
})
