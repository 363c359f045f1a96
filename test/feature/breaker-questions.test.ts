import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { cluster, gateway, route } from '../support/edge.ts'
import { type ScriptedBreaker, startScriptedBreaker } from '../support/scripted-breaker.ts'
import { until } from '../support/until.ts'
import { type Answer, startUpstream, type Upstream } from '../support/upstream.ts'

/**
 * What Envoy says of each request to a cluster with a strict breaker, seen by a service that decides nothing. The
 * breaker's own tests are elsewhere.
 */
const answers: Record<string, Answer> = {
  '/500': (response) => response.writeHead(500).end('failed'),
  '/404': (response) => response.writeHead(404).end('nothing'),
  '/reset': (_, { socket }) => socket.destroy(),
  '/hang': () => undefined,
  '/cut': (response, { socket }) => {
    response.writeHead(200, { 'content-length': 100 }).write('abc', () => socket.destroy())
  },
  '/slow': (response) => setTimeout(() => response.end('slow'), 300),
  '/large': (response) => response.end(Buffer.alloc(30_000_000)),
  '/upload': (response, incoming) => incoming.on('end', () => response.end('got it')),
}

let run: ScriptedBreaker
let a: Upstream
let b: Upstream
let sockets: { port: number; close(): Promise<void> }

before(async () => {
  ;[a, b] = await Promise.all([
    startUpstream('a', (response, incoming) => {
      const answer = answers[incoming.url!] ?? (() => response.end('fine'))
      answer(response, incoming)
    }),
    startUpstream('b'),
  ])
  sockets = await startSockets()
  run = await startScriptedBreaker((port) => [
    gateway(port, { rateLimitService: { timeout: '5s' } }),
    ...['strict', 'timed'].map((name) => policy(name, name === 'timed' ? { slowerThan: '100ms' } : {})),
    cluster('a', a, { outlierDetection: 'strict' }),
    cluster('timed', a, { outlierDetection: 'timed' }),
    cluster('refused', { port: 1 }, { outlierDetection: 'strict' }),
    cluster('plain', b, { outlierDetection: 'none' }),
    route('a', '/', { timeout: '500ms' }),
    route('timed', '/timed', {
      ...{ forward: [{ cluster: 'timed' }], timeout: '0s' },
      rewrite: { regex: '^/timed', substitution: '' },
    }),
    route('refused', '/refused', {
      ...{ forward: [{ cluster: 'refused' }], retry: { attempts: 2, on: ['5xx'] } },
    }),
    route('split', '/split', { forward: [{ cluster: 'a' }, { cluster: 'plain' }] }),
    cluster('sockets', sockets, { outlierDetection: 'strict' }),
    route('sockets', '/sockets', { forward: [{ cluster: 'sockets' }] }),
    route('answered', '/answered', { respond: { status: 200 } }),
  ])
})

after(async () => {
  await run?.stop()
  await Promise.all([a, b, sockets].map((upstream) => upstream?.close()))
})

beforeEach(() => {
  run.forget()
  run.script.clear()
})

function policy(name: string, more: object): object {
  const spec = { breaker: { errorRate: 50, window: 10, open: '30s', ...more } }
  return { kind: 'OutlierDetectionPolicy', name, spec }
}

/** Agrees to every upgrade; ends the connection by itself, or when the client has, by the path. */
async function startSockets() {
  const server = createServer().on('upgrade', ({ url }, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    if (url === '/sockets/upstream') socket.once('data', () => socket.end())
    socket.on('end', () => socket.end()).on('error', () => undefined)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, close }
}

/** The one outcome that is reported of what is done; it was asked for once. */
async function outcomeOf(act: () => Promise<unknown>): Promise<unknown> {
  await act()
  const [report] = await run.saidOf('report', 1)
  assert.equal((await run.saidOf('ask', 1)).length, 1)
  return report!.outcome
}

async function outcomes(count: number): Promise<unknown[]> {
  return (await run.saidOf('report', count)).map(({ outcome }) => outcome)
}

describe('what became of a request that was let through', () => {
  const cases: [title: string, path: string, status: number, outcome: string][] = [
    ['an answer', '/fine', 200, 'ok'],
    ['a 404 is an answer', '/404', 404, 'ok'],
    ['a 500', '/500', 500, 'fail'],
    ['a connection that breaks', '/reset', 503, 'fail'],
    ['no answer within the timeout', '/hang', 504, 'fail'],
    ['nobody there, after two retries', '/refused', 503, 'fail'],
  ]
  for (const [title, path, status, outcome] of cases) {
    test(`${title}: ${outcome}`, async () => {
      const found = await outcomeOf(async () => assert.equal((await run.send(path)).status, status))
      assert.equal(found, outcome)
    })
  }

  test('an answer that is cut off: fail', async () => {
    assert.equal(await outcomeOf(() => assert.rejects(run.send('/cut'))), 'fail')
  })

  test('a client that leaves while it waits: abort', async () => {
    const seen = a.seen.length
    const leave = async () => {
      const waiting = request({ port: run.port, path: '/hang' }).on('error', () => undefined)
      waiting.end()
      await a.seenCount(seen + 1)
      waiting.destroy()
    }
    assert.equal(await outcomeOf(leave), 'abort')
  })

  test('a client that reads slower than the timeout allows: abort', async () => {
    const socket = connect(run.port, '127.0.0.1', () =>
      socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n'),
    )
    socket.on('error', () => undefined).pause()
    assert.equal(await outcomeOf(() => run.saidOf('report', 1)), 'abort')
    socket.destroy()
  })

  for (const leaver of ['client', 'upstream']) {
    test(`an upgraded connection is an answer when the ${leaver} ends it`, async () => {
      const socket = connect(run.port, '127.0.0.1')
      const headers = 'host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
      socket.write(`GET /sockets/${leaver} HTTP/1.1\r\n${headers}\r\n`)
      const [head] = await once(socket, 'data')
      assert.match(String(head), /^HTTP\/1.1 101 /)
      assert.equal(run.said.filter(({ breaker }) => breaker === 'report').length, 0)
      socket.end('bye')
      await once(socket, 'close')
      assert.deepEqual(await outcomes(1), ['ok'])
    })
  }

  test('a client that leaves before the service has answered is not reported', async () => {
    const release = run.hold()
    const waiting = request({ port: run.port, path: '/fine' }).on('error', () => undefined)
    waiting.end()
    await run.saidOf('ask', 1)
    waiting.destroy()
    await until('it left', async () => {
      const { 'http.edge_http.downstream_rq_active': active } = await run.envoy.stats('downstream_rq_active')
      return active === 0
    })
    release()
    await run.send('/500')
    assert.deepEqual(await outcomes(1), ['fail'])
  })
})

describe('what is asked', () => {
  test('by the cluster, with the timeout of the route; without one it is a minute', async () => {
    await run.send('/fine')
    await run.send('/timed/fine')
    assert.deepEqual(await run.saidOf('ask', 2), [
      { breaker: 'ask', destination_cluster: 'a', timeout: '500' },
      { breaker: 'ask', destination_cluster: 'timed', timeout: '60000' },
    ])
  })

  test('of a split only for the part that has a breaker, and it is that part’s outcome', async () => {
    const upstreams = []
    for (let count = 0; count < 40; count++) upstreams.push((await run.send('/split')).upstream)
    const ofA = upstreams.filter((name) => name === 'a').length
    assert.ok(ofA > 0 && ofA < 40)
    const reports = await run.saidOf('report', ofA)
    assert.equal((await run.saidOf('ask', ofA)).length, ofA)
    assert.deepEqual(new Set(reports.map((each) => each.destination_cluster)), new Set(['a']))
  })

  test('nothing where Envoy answers by itself', async () => {
    assert.equal((await run.send('/answered')).status, 200)
    await run.send('/fine')
    assert.equal((await run.saidOf('ask', 1)).length, 1)
  })

  test('a cluster that has no breaker any more is not reported', async () => {
    run.script.set('a', 'unknown')
    assert.equal((await run.send('/fine')).status, 200)
    run.script.clear()
    await run.send('/500')
    assert.deepEqual(await outcomes(1), ['fail'])
  })
})

describe('how long a success took, where the policy asks for it', () => {
  const durations = async (count: number) =>
    (await run.saidOf('duration', count)).map(({ hits = 0, gen }) => ({ gen, ms: Number(hits) }))

  test('until the answer begins, for the admission that the report is of', async () => {
    await run.send('/timed/slow')
    const { ms, gen } = (await durations(1))[0]!
    assert.ok(ms >= 299, String(ms))
    assert.equal(gen, (await run.saidOf('report', 1))[0]!.gen)
  })

  test('from when the whole request was sent: the time of a slow upload is the client’s', async () => {
    const outgoing = request({
      ...{ port: run.port, path: '/timed/upload', method: 'POST', headers: { 'content-length': 4 } },
    })
    const answered = once(outgoing, 'response')
    outgoing.write('ab')
    const seen = a.seen.length
    await a.seenCount(seen + 1)
    const began = performance.now()
    await until('half a second is over', () => performance.now() - began > 500)
    outgoing.end('cd')
    const [response] = await answered
    response.resume()
    const { ms } = (await durations(1))[0]!
    assert.ok(ms < 400, String(ms))
  })

  test('not of failures, nor where the policy does not ask', async () => {
    await run.send('/timed/500')
    await run.send('/timed/404')
    await run.send('/slow')
    await run.saidOf('report', 3)
    assert.equal((await durations(1)).length, 1)
    assert.deepEqual(run.envoy.log().match(/Invalid hits_addend/g), null)
  })
})

test('a refusal: 503 with what the service says, a problem document, no header that tells more', async () => {
  run.script.set('a', 'refuse')
  const seen = a.seen.length
  const { status, headers, body } = await run.send('/fine')
  const { 'x-request-id': id, date: _, ...others } = headers
  assert.equal(status, 503)
  assert.deepEqual(others, {
    'retry-after': '7',
    'content-type': 'application/problem+json',
    'content-length': String(body.length),
    server: 'envoy',
    connection: 'close',
  })
  assert.deepEqual(JSON.parse(body), {
    ...{ type: 'about:blank', title: 'Service Unavailable', status: 503, requestId: id },
    detail: 'The circuit breaker of the service is open.',
  })
  const grpc = await run.send({ path: '/fine', headers: { 'content-type': 'application/grpc' } })
  assert.equal(grpc.headers['grpc-status'], '14')
  assert.equal(a.seen.length, seen)
})
