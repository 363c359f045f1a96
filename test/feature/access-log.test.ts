import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type LogLine, lineOf, linesIn } from '../support/access-log.ts'
import { type Collector, startCollector } from '../support/collector.ts'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import type { Received, Sent } from '../support/http.ts'
import { patient, policy } from '../support/rate-limits.ts'
import { issuer } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream
let collector: Collector
let folder: string

const id = issuer('https://id.example')
const jwt = { issuer: 'https://id.example', jwks: { inline: id.jwks } }
const auth = (name: string, spec: object) => ({ kind: 'AuthPolicy', name, spec })
const bounds = (name: string, spec: object) => ({ kind: 'RequestPolicy', name, spec })

const idOf = ({ headers }: Received) => headers['x-request-id'] as string

/** What is in the query of the upstream's URL decides how it answers. */
function answering(...[response, { url }]: Parameters<Parameters<typeof startUpstream>[1] & object>) {
  const query = new URL(url!, 'http://a').searchParams
  response.statusCode = Number(query.get('status') ?? 200)
  if (query.has('grpc')) response.setHeader('grpc-status', query.get('grpc')!)
  const answer = () => response.end('answer')
  if (query.has('never')) return
  if (query.has('slow')) setTimeout(answer, 250)
  else answer()
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-access-log-'))
  collector = await startCollector()
  upstream = await startUpstream('a', answering)
  edge = await startEdge({ ...patient, accessLog: { format: 'json' } })
  await edge.apply(
    cluster('a', upstream),
    cluster('logs', { port: collector.httpPort }),
    route('all', '/'),
    route('moved', '/old', { rewrite: { prefix: '/new' } }),
    policy('none', { limit: 0, plans: { gold: { limit: 9 } } }),
    route('denied', '/denied', { rateLimits: ['none'] }),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
  await collector?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('a line of the access log', () => {
  test('says what was asked, who answered, and how long it took', async () => {
    const before = Date.now()
    const body = Buffer.from('twelve bytes')
    const headers = { host: 'shop.example', 'user-agent': 'browser "of\ttests"' }
    const path = '/old/books?slow'
    const answer = await edge.send({ method: 'POST', path, headers, body, from: '127.0.0.7' })
    const { time, durationMs, upstreamUs, gatewayUs, ...line } = await lineOf(edge.envoy, idOf(answer))
    assert.deepEqual(line, {
      ...{ requestId: idOf(answer), traceId: null, gateway: 'edge', listener: 'http', route: 'moved' },
      ...{ method: 'POST', host: 'shop.example', path: '/old/books', protocol: 'HTTP/1.1' },
      ...{
        status: 200,
        grpcStatus: null,
        flags: '-',
        details: 'via_upstream',
        cluster: 'a',
        fallbackFor: null,
      },
      ...{ upstreamHost: `127.0.0.1:${upstream.port}`, attempts: 1, bytesIn: 12, bytesOut: 6 },
      ...{ client: '127.0.0.7', userAgent: 'browser "of\ttests"' },
      ...{ deniedBy: null, deniedPlan: null, deniedLimit: null },
    })
    const started = Date.parse(time as string)
    assert.ok(started >= before - 1 && started <= Date.now(), `${time}`)
    const [total, above, own] = [Number(durationMs), Number(upstreamUs), Number(gatewayUs)]
    assert.ok(above >= 240_000 && total >= above / 1_000 - 1 && own > 0, `${total} ${above} ${own}`)
  })

  test('names the policy that denied, with the plan and the limit', async () => {
    const answer = await edge.send('/denied')
    const { status, flags, details, deniedBy, deniedPlan, deniedLimit, upstreamHost, upstreamUs } =
      await lineOf(edge.envoy, idOf(answer))
    assert.deepEqual([status, flags, details], [429, 'RL', 'request_rate_limited'])
    assert.deepEqual([deniedBy, deniedPlan, deniedLimit], ['none', '', 0])
    assert.deepEqual([upstreamHost, upstreamUs], [null, null])
  })

  describe('names the policy that refused', () => {
    const json = { 'content-type': 'application/json' }
    const post = (path: string, size: number, headers = {}) => ({
      ...{ method: 'POST', path, body: Buffer.alloc(size, 'x') },
      headers: { ...json, ...headers },
    })
    const good = { authorization: `Bearer ${id.token()}` }
    const cases: [title: string, sent: Sent, status: number, deniedBy: string | null][] = [
      ['an address', { path: '/inside' }, 403, 'inside'],
      ['a missing token', { path: '/staff' }, 401, 'staff'],
      ['a token without a claim', { path: '/staff', headers: good }, 403, 'staff'],
      ['a missing token, one of several that ask for it', { path: '/both' }, 401, 'staff, readers'],
      ['of several the one that a token does not meet', { path: '/both', headers: good }, 403, 'staff'],
      ['what only tries it out', { path: '/tried' }, 200, null],
      ['a body', post('/small', 11), 413, 'small'],
      ['any body', post('/none', 1), 413, 'no-body'],
      ['a media type', post('/small', 1, { 'content-type': 'text/plain' }), 415, 'small'],
      ['a method', { path: '/small', method: 'DELETE' }, 405, 'small'],
      ['nothing', post('/small', 10), 200, null],
      ['an answer of the route’s own', { path: '/own' }, 403, null],
      ['a malformed host', { path: '/', headers: { host: 'a@b' } }, 400, null],
    ]
    before(() =>
      edge.apply(
        auth('inside', { allow: { ips: ['192.0.2.0/24'] } }),
        auth('staff', { jwt: { ...jwt, claims: { role: ['lead'] } } }),
        auth('readers', { jwt }),
        auth('tried', { jwt, mode: 'shadow' }),
        bounds('small', { maxBytes: '10B', contentTypes: ['application/json'], methods: ['GET', 'POST'] }),
        bounds('no-body', { maxBytes: '0B' }),
        route('inside', '/inside', { auth: ['inside'] }),
        route('staff', '/staff', { auth: ['staff'] }),
        route('both', '/both', { auth: ['staff', 'readers'] }),
        route('tried', '/tried', { auth: ['tried'] }),
        route('small', '/small', { request: 'small' }),
        route('none', '/none', { request: 'no-body' }),
        route('own', '/own', { respond: { status: 403 }, auth: ['tried'] }),
      ),
    )
    for (const [title, sent, status, deniedBy] of cases) {
      test(title, async () => {
        const answer = await edge.send(sent)
        const line = await lineOf(edge.envoy, idOf(answer))
        assert.deepEqual([line.status, line.deniedBy], [status, deniedBy], line.details as string)
      })
    }
  })

  test('says that a client left', async () => {
    const left = new Promise<void>((resolve) => {
      const outgoing = request({ host: '127.0.0.1', port: edge.port, path: '/left?never' })
      outgoing.once('error', () => resolve())
      outgoing.end()
      void upstream.seenCount(upstream.seen.length + 1).then(() => outgoing.destroy())
    })
    await left
    const isIt = ({ path }: LogLine) => path === '/left'
    await until('a line of the client that left', () => linesIn(edge.envoy.log()).some(isIt))
    const { status, flags, durationMs, upstreamUs } = linesIn(edge.envoy.log()).find(isIt)!
    assert.deepEqual([status, flags, upstreamUs], [0, 'DC', null])
    assert.equal(typeof durationMs, 'number')
  })

  test('has the status of a gRPC call by its name', async () => {
    const headers = { 'content-type': 'application/grpc', te: 'trailers' }
    const answer = await edge.send({ method: 'POST', path: '/a.B/C?grpc=5', headers })
    const { status, grpcStatus } = await lineOf(edge.envoy, idOf(answer))
    assert.deepEqual([status, grpcStatus], [200, 'NOT_FOUND'])
  })

  test('holds no credential, and nothing that a client writes makes another line', async () => {
    const secret = 'correct-horse-battery'
    const headers = {
      authorization: `Bearer ${secret}`,
      cookie: `session=${secret}`,
      'x-api-key': secret,
      'x-envoy-original-path': `/?${secret}`,
      'user-agent': '"}{"requestId":"forged"}',
    }
    const answer = await edge.send({ path: `/a%0A%22?api_key=${secret}`, headers })
    const line = await lineOf(edge.envoy, idOf(answer))
    assert.equal(line.path, '/a%0A%22')
    assert.equal(line.userAgent, headers['user-agent'])
    assert.ok(!edge.envoy.log().includes(secret))
    assert.ok(!linesIn(edge.envoy.log()).some(({ requestId }) => requestId === 'forged'))
  })
})

describe('which requests have a line, and where it goes', () => {
  /** Changes the access log, and waits until it is in force: a request then has a line, or a listener is a new one. */
  async function log(accessLog: object) {
    await edge.apply(gateway(edge.port, { ...patient, accessLog }))
    await until('no listener comes or goes', async () => {
      const stats = await edge.envoy.stats('^listener_manager\\.total_')
      return ['listeners_warming', 'listeners_draining', 'filter_chains_draining'].every(
        (name) => stats[`listener_manager.total_${name}`] === 0,
      )
    })
  }

  const grpc = { method: 'POST', headers: { 'content-type': 'application/grpc', te: 'trailers' } }
  const kinds = {
    fine: { path: '/?status=200' },
    missing: { path: '/?status=404' },
    failing: { path: '/?status=503' },
    slow: { path: '/?slow' },
    'grpc fine': { ...grpc, path: '/?grpc=0' },
    'grpc not found': { ...grpc, path: '/?grpc=5' },
    'grpc unavailable': { ...grpc, path: '/?grpc=14' },
  }

  for (const [only, logged] of [
    [{ errors: 'server' }, ['failing', 'grpc unavailable']],
    [{ errors: 'all' }, ['missing', 'failing', 'grpc not found', 'grpc unavailable']],
    [{ slowerThan: '200ms' }, ['slow']],
    [{ errors: 'server', slowerThan: '200ms' }, ['failing', 'slow', 'grpc unavailable']],
  ] as const) {
    test(`only ${JSON.stringify(only)}: ${logged.join(', ')}`, async () => {
      const file = join(
        folder,
        `${JSON.stringify(only)
          .replace(/[^a-z0-9]/gi, '-')
          .replaceAll(/^-+/g, '')}.log`,
      )
      await log({ format: 'json', to: { file }, only })
      const ids = new Map<string, string>()
      for (const [kind, sent] of Object.entries(kinds)) ids.set(idOf(await edge.send(sent)), kind)
      const last = idOf(await edge.send({ path: '/?status=500&slow' }))
      const lines = () => linesIn(readFileSync(file, 'utf8'))
      await until('the last line', () => lines().some(({ requestId }) => requestId === last))
      const found = lines().flatMap(({ requestId }) => ids.get(requestId as string) ?? [])
      assert.deepEqual(found.sort(), [...logged].sort())
      assert.ok(!edge.envoy.log().includes(last))
    })
  }

  test('by OTLP to a cluster, with the same fields', async () => {
    await log({ format: 'json', to: { otlp: 'logs' } })
    const answer = await edge.send('/denied?api_key=hidden')
    const find = () => collector.records.find(({ fields }) => fields.requestId === idOf(answer))
    await until('the record', () => find() !== undefined)
    const { service, body, fields } = find()!
    assert.deepEqual([service, body], ['edge', 'GET /denied 429'])
    assert.deepEqual([fields.status, fields.route, fields.deniedBy], ['429', 'denied', 'none'])
    assert.ok(collector.ways.has('/v1/logs'))
    assert.ok(!JSON.stringify(collector.records).includes('hidden'))
  })

  test('a dry run says that a change drains the listener', async () => {
    const changed = gateway(edge.port, { ...patient, accessLog: { format: 'json', only: { errors: 'all' } } })
    const { body } = await edge.weir.api('POST', '/v1/apply?dryRun=true', [changed])
    assert.deepEqual(body.warnings, [])
    assert.deepEqual(body.gateways[0].drains, [`edge/http@127.0.0.1:${edge.port}`])
  })
})
