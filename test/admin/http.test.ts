import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { startAdmin, type TestAdmin, token } from '../support/admin.ts'

/** Sends bytes and answers with all that comes until the server closes the connection. */
function raw(port: number, ...chunks: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve(received) : reject(error),
    )
    socket.on('close', () => resolve(received))
    for (const chunk of chunks) socket.write(chunk, 'latin1')
  })
}

function problemIn(received: string): { status: number; type: string; errors: { remedy: string }[] } {
  const [head = '', body = ''] = received.split('\r\n\r\n')
  assert.match(head, /content-type: application\/problem\+json/i, received)
  const problem = JSON.parse(body)
  assert.equal(Number(head.split(' ')[1]), problem.status)
  assert.notEqual(problem.errors[0].remedy, '')
  return problem
}

describe('what the HTTP layer refuses is a problem document too', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin({ timeouts: { headersMs: 300, requestMs: 600 } })
  })
  after(() => admin.close())

  for (const [title, bytes] of [
    ['no HTTP', 'hello\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
    ['HTTP/2 in clear', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an unknown method', 'FOO / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n'],
    ['two lengths', 'POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    [
      'a length and chunks',
      'POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['no Host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ] as const) {
    test(`400: ${title}`, async () => {
      assert.equal(problemIn(await raw(admin.port, bytes)).status, 400)
    })
  }

  test('431: headers of 64 KiB, and a URL of 64 KiB', async () => {
    const header = `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(65_536)}\r\n\r\n`
    assert.equal(problemIn(await raw(admin.port, header)).status, 431)
    assert.equal(
      problemIn(await raw(admin.port, `GET /${'x'.repeat(65_536)} HTTP/1.1\r\nHost: a\r\n\r\n`)).status,
      431,
    )
  })

  test('408: headers, and a body, that do not arrive', async () => {
    assert.equal(problemIn(await raw(admin.port, 'GET / HTTP/1.1\r\nHost: a\r\n')).status, 408)
    const head = `POST /v1/apply HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: text/yaml\r\nContent-Length: 10\r\n\r\n`
    assert.equal(problemIn(await raw(admin.port, head, 'kind')).status, 408)
    assert.ok(!admin.events.some(({ event }) => event === 'failed'))
  })

  test('an unknown expectation is ignored', async () => {
    const received = await raw(
      admin.port,
      'GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nConnection: close\r\n\r\n',
    )
    assert.match(received, /^HTTP\/1.1 200 /)
  })

  test('400: percent-encoding that is none', async () => {
    for (const path of ['/%', '/v1/routes/%zz', '/v1/routes/%ff', '/%c0%80']) {
      const received = await raw(
        admin.port,
        `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
      )
      assert.equal(problemIn(received).status, 400)
    }
  })

  test('404: unknown URLs, with the nearest one', async () => {
    const unknown = await admin.call('GET', '/nowhere')
    assert.equal(unknown.status, 404)
    assert.equal(unknown.body.type, 'urn:weir:problem:not_found')
    const near = await admin.call('GET', '/v1/route/echo')
    assert.match(near.body.errors[0].remedy, /did you mean \/v1\/routes/)
    const slash = await admin.call('GET', '/v1/routes/a/b')
    assert.equal(slash.status, 404)
    assert.match(slash.body.errors[0].remedy, /no "\/"/)
  })

  for (const [method, path, allow] of [
    ['POST', '/v1/routes', 'GET, HEAD'],
    ['POST', '/v1/routes/echo', 'DELETE, GET, HEAD, PATCH, PUT'],
    ['GET', '/v1/apply', 'POST'],
    ['DELETE', '/v1/revisions/1', 'GET, HEAD'],
    ['OPTIONS', '/healthz', 'GET, HEAD'],
    ['PROPFIND', '/healthz', 'GET, HEAD'],
  ] as const) {
    test(`405: ${method} ${path}`, async () => {
      const { status, headers } = await admin.call(method, path)
      assert.equal(status, 405)
      assert.equal(headers.get('allow'), allow)
    })
  }

  test('500 tells nothing of the inside, and is observed', async () => {
    const broken = await startAdmin({
      fleet: () => {
        throw new Error('the password is hunter2')
      },
    })
    const { status, text, headers } = await broken.call('GET', '/v1/fleet')
    assert.equal(status, 500)
    assert.doesNotMatch(text, /hunter2/)
    const id = headers.get('weir-request-id')!
    assert.ok(text.includes(id))
    const failed = broken.events.find(({ event }) => event === 'failed')
    assert.ok(failed?.event === 'failed' && failed.where.includes(id))
    await broken.close()
  })

  test('every answer forbids sniffing, framing and caching, and none allows another origin', async () => {
    for (const path of ['/healthz', '/v1/fleet', '/nowhere', '/docs']) {
      const { headers } = await admin.call('GET', path, undefined, { origin: 'http://evil.example' })
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
      assert.equal(headers.get('x-frame-options'), 'DENY', path)
      assert.equal(headers.get('cache-control'), 'no-store', path)
      assert.match(headers.get('content-security-policy')!, /^default-src 'none'/, path)
      assert.equal(headers.get('access-control-allow-origin'), null, path)
    }
  })
})

describe('access', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
  })
  after(() => admin.close())

  const attempts: Record<string, string> = {
    nothing: '',
    'another token': 'Bearer wrong',
    'the beginning of the token': 'Bearer test-toke',
    'another scheme': `Basic ${token}`,
    'the bare token': token,
    'two tokens': `Bearer ${token} ${token}`,
  }
  for (const [title, authorization] of Object.entries(attempts)) {
    test(`401: ${title}`, async () => {
      for (const [method, path] of [
        ['GET', '/v1/routes'],
        ['POST', '/v1/apply'],
        ['GET', '/v1/nowhere'],
        ['GET', '/metrics'],
      ] as const) {
        const { status, headers, body } = await admin.call(method, path, undefined, { authorization })
        assert.equal(status, 401, `${method} ${path}`)
        assert.match(headers.get('www-authenticate')!, /^Bearer/)
        assert.notEqual(body.errors[0].remedy, '')
      }
    })
  }

  test('401: the path spelled in other ways', async () => {
    for (const path of ['/%761/routes', '/v1/%72outes', '/metric%73', '/%6detrics']) {
      const received = await raw(admin.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      assert.match(received, /^HTTP\/1.1 401 /, path)
    }
  })

  test('200: the scheme in any case', async () => {
    assert.equal(
      (await admin.call('GET', '/v1/routes', undefined, { authorization: `bearer ${token}` })).status,
      200,
    )
  })
})
