import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { type Received, send } from '../support/http.ts'
import { until } from '../support/until.ts'
import { type Answer, startUpstream, type Upstream } from '../support/upstream.ts'

/** A request as an upstream saw it. */
interface Try {
  url: string
  host: string
  /** Milliseconds since the process began. */
  at: number
  request: IncomingMessage
  response: ServerResponse
  /** Whether Envoy still waits for its answer. */
  open: boolean
}

/** Every try at either upstream, in the order in which they came. */
const tries: Try[] = []
/** What becomes of each; the turn of a path's first try is 0. */
let answer: (each: Try, turn: number) => void

const noting =
  (host: string): Answer =>
  (response, request) => {
    const each = { url: request.url!, host, at: performance.now(), request, response, open: true }
    response.on('close', () => {
      each.open = false
    })
    answer(each, triesOf(request.url!).length)
    tries.push(each)
  }

const triesOf = (url: string) => tries.filter((each) => each.url === url)

/** First a 503 with these headers, then a 200. */
const failsOnce =
  (headers: Record<string, string> = {}) =>
  ({ response }: Try, turn: number) =>
    turn === 0 ? response.writeHead(503, headers).end() : response.end()

let edge: Edge
let upstreams: Upstream[]

before(async () => {
  upstreams = await Promise.all(['a', 'b'].map((name) => startUpstream(name, noting(name))))
  edge = await startEdge()
  // They fail on purpose; nobody is to be ejected for it.
  const random = { outlierDetection: 'none', loadBalancing: { policy: 'random' } }
  await edge.apply(
    cluster('a', upstreams[0]!, { outlierDetection: 'none' }),
    cluster('both', upstreams, random),
  )
})

after(async () => {
  await edge?.stop()
  await Promise.all((upstreams ?? []).map((each) => each.close()))
})

/** How many of `count` requests at once are tried again, when all of them fail and retries are answered at the end only. */
async function retriedOf(count: number, name: string, connectionPool: object): Promise<number> {
  await edge.apply(
    cluster(name, upstreams[0]!, { outlierDetection: 'none', connectionPool }),
    route(name, `/${name}`, {
      forward: [{ cluster: name }],
      timeout: '1m',
      retry: { attempts: 1, on: ['5xx'] },
    }),
  )
  const firsts: Try[] = []
  const retries: Try[] = []
  answer = (each, turn) => void (turn === 0 ? firsts : retries).push(each)
  const answers: Received[] = []
  const sent = Array.from({ length: count }, async (_, index) => {
    answers.push(await send(edge.port, { path: `/${name}/${index}` }))
  })
  await until('all are under way', () => firsts.length === count)
  for (const { response } of firsts) response.writeHead(503).end()
  await until('each has failed or is tried again', () => answers.length + retries.length === count)
  const retried = retries.length
  for (const { response } of retries) response.end()
  await Promise.all(sent)
  assert.equal(answers.filter(({ status }) => status === 200).length, retried)
  assert.equal(retries.length, retried)
  return retried
}

test('a retry budget keeps retries below its share of the requests under way', async () => {
  const retried = await retriedOf(50, 'budget', { retryBudget: { budgetPercent: 20 } })
  assert.ok(retried > 3 && retried <= 10, `${retried} of 50`)
})

test('the budget holds where nothing is written, and with few requests its least does', async () => {
  const retried = await retriedOf(50, 'unwritten', {})
  assert.ok(retried > 3 && retried <= 10, `${retried} of 50`)
  assert.equal(await retriedOf(6, 'few', {}), 3)
  assert.equal(await retriedOf(6, 'fewer', { retryBudget: { minRetryConcurrency: 1 } }), 1)
})

test('maxRetries is a bound that does not grow', async () => {
  assert.equal(await retriedOf(50, 'fixed', { maxRetries: 2 }), 2)
  assert.equal(await retriedOf(50, 'unbounded', { maxRetries: 1024 }), 50)
})

/** The milliseconds between the two tries of a request, which ended well. */
async function pauseOf(path: string): Promise<number> {
  assert.equal((await edge.send(path)).status, 200)
  const [first, second, ...others] = triesOf(path)
  assert.deepEqual(others, [])
  return second!.at - first!.at
}

test('what an answer asks for is waited, in seconds or until a time', async () => {
  const retry = { on: ['5xx'] }
  const reset = { resetHeaders: [{ name: 'x-ratelimit-reset', format: 'unix_timestamp' }] }
  await edge.apply(
    route('after', '/after', { retry }),
    route('reset', '/reset', { retry: { ...retry, retryAfter: reset } }),
  )
  answer = failsOnce({ 'retry-after': '1' })
  // Timers of Envoy may be a few milliseconds early by our clock.
  assert.ok((await pauseOf('/after/1')) >= 990)
  const time = Math.floor(Date.now() / 1000) + 2
  answer = failsOnce({ 'x-ratelimit-reset': String(time) })
  assert.equal((await edge.send('/reset/1')).status, 200)
  assert.ok(Date.now() >= time * 1000 - 10)
})

test('a wait that would outlast the request, a date, and what is switched off are not kept to', async () => {
  const retry = { on: ['5xx'] }
  await edge.apply(
    route('longest', '/longest', { retry: { ...retry, retryAfter: { maxInterval: '2s' } } }),
    // Two thirds of its timeout are less than the second that is asked for.
    route('hurried', '/hurried', { timeout: '1s', retry }),
    route('off', '/off', { timeout: '0s', retry: { ...retry, retryAfter: { resetHeaders: [] } } }),
  )
  const asked = async (path: string, after: string) => {
    answer = failsOnce({ 'retry-after': after })
    const { status } = await edge.send(path)
    return { status, tries: triesOf(path).length }
  }
  // Each of these waits would end in the timeout of the route, or in that of the test.
  assert.deepEqual(await asked('/longest/1', '3600'), { status: 200, tries: 2 })
  assert.deepEqual(await asked('/hurried/1', '1'), { status: 200, tries: 2 })
  assert.deepEqual(await asked('/off/1', '3600'), { status: 200, tries: 2 })
  const date = new Date(Date.now() + 3_600_000).toUTCString()
  assert.deepEqual(await asked('/longest/2', date), { status: 200, tries: 2 })
})

test('a pause without a header is any part of the back-off', async () => {
  const backoff = { baseInterval: '1h', maxInterval: '1h' }
  await edge.apply(
    route('soon', '/soon', { timeout: '1s', retry: { on: ['5xx'] } }),
    route('late', '/late', { timeout: '500ms', retry: { on: ['5xx'], backoff } }),
  )
  answer = failsOnce()
  assert.equal((await edge.send('/soon/1')).status, 200)
  // Of an hour one pause in 7,200 is so short that the retry comes in time.
  assert.equal((await edge.send('/late/1')).status, 504)
  assert.equal(triesOf('/late/1').length, 1)
})

test('a retry goes to another endpoint, or to any', async () => {
  const forward = [{ cluster: 'both' }]
  const retry = { attempts: 1, on: ['5xx'] }
  await edge.apply(
    route('other', '/other', { forward, retry: { ...retry, hostSelectionRetryMaxAttempts: 100 } }),
    route('any', '/any', { forward, retry: { ...retry, hostSelectionRetryMaxAttempts: 0 } }),
  )
  answer = failsOnce()
  const hostsOf = async (path: string) => {
    assert.equal((await edge.send(path)).status, 200)
    return new Set(triesOf(path).map(({ host }) => host)).size
  }
  const hosts = async (prefix: string) => {
    const found = new Set<number>()
    for (let index = 0; index < 40; index += 1) found.add(await hostsOf(`${prefix}/${index}`))
    return [...found].sort()
  }
  assert.deepEqual(await hosts('/other'), [2])
  // The chance that 40 retries all go elsewhere by themselves is that of 40 coins.
  assert.deepEqual(await hosts('/any'), [1, 2])
})

test('a hedged request is answered by whichever try answers first, and the first one goes on', async () => {
  await edge.apply(
    route('hedged', '/hedged', {
      forward: [{ cluster: 'both' }],
      retry: {
        attempts: 1,
        on: ['5xx'],
        perTryTimeout: '150ms',
        hedgeOnPerTryTimeout: true,
        hostSelectionRetryMaxAttempts: 100,
      },
    }),
  )
  let firstOpen: boolean | undefined
  answer = ({ url, response }, turn) => {
    if (turn === 0) return
    firstOpen = triesOf(url)[0]!.open
    response.end()
  }
  const second = await edge.send('/hedged/second')
  const [slow, quick] = triesOf('/hedged/second')
  assert.deepEqual([second.status, second.upstream, firstOpen], [200, quick!.host, true])
  assert.notEqual(slow!.host, quick!.host)
  // Now the first one answers, after its retry has come.
  answer = ({ url }, turn) => {
    if (turn === 1) triesOf(url)[0]!.response.end()
  }
  const first = await edge.send('/hedged/first')
  assert.deepEqual([first.status, first.upstream], [200, triesOf('/hedged/first')[0]!.host])
})

test('a try that takes too long, or of which nothing comes, is tried again by 5xx and gateway_error alone', async () => {
  const on = ['connect_failure']
  await edge.apply(
    route('idle', '/idle', { timeout: '0s', retry: { on: ['5xx'], perTryIdleTimeout: '200ms' } }),
    route('gateway-error', '/ge', {
      timeout: '0s',
      retry: { on: ['gateway_error'], perTryTimeout: '200ms' },
    }),
    route('never', '/never', { timeout: '0s', retry: { on, perTryTimeout: '200ms' } }),
    route('stalls', '/stalls', { timeout: '0s', retry: { on: ['5xx'], perTryIdleTimeout: '200ms' } }),
  )
  answer = ({ response }, turn) => void (turn === 1 && response.end())
  const ended = async (path: string) => ({
    status: (await edge.send(path)).status,
    tries: triesOf(path).length,
  })
  assert.deepEqual(await ended('/idle/1'), { status: 200, tries: 2 })
  assert.deepEqual(await ended('/ge/1'), { status: 200, tries: 2 })
  assert.deepEqual(await ended('/never/1'), { status: 504, tries: 1 })
  // An answer that has begun has no time of its own: another try is over before this one's end.
  await edge.apply(route('long', '/long', { timeout: '0s', retry: { on: ['5xx'], perTryTimeout: '200ms' } }))
  answer = ({ url, response }) => void (url === '/long/1' && response.writeHead(200).write('begin'))
  const long = edge.send('/long/1')
  await until('it has begun', () => triesOf('/long/1').length === 1)
  assert.deepEqual(await ended('/never/2'), { status: 504, tries: 1 })
  triesOf('/long/1')[0]!.response.end(' and end')
  assert.deepEqual([(await long).status, (await long).body], [200, 'begin and end'])
  // One that stalls is cut off, since it cannot be taken back.
  answer = ({ response }) => void response.writeHead(200, { 'content-length': '10' }).write('begin')
  await assert.rejects(edge.send('/stalls/1'), { code: 'ECONNRESET' })
  assert.equal(triesOf('/stalls/1').length, 1)
})

test('a body is sent again if Envoy could keep it', async () => {
  await edge.apply(route('bodies', '/bodies', { retry: { on: ['5xx'] } }))
  // It has read all when it fails, so that Envoy has had to pass on all.
  const fails = failsOnce()
  answer = (each, turn) => void each.request.on('end', () => fails(each, turn))
  const tried = async (path: string, bytes: number) => {
    const { status } = await edge.send({ path, method: 'POST', body: Buffer.alloc(bytes, 'x') })
    return { status, tries: triesOf(path).length }
  }
  assert.deepEqual(await tried('/bodies/small', 16_384), { status: 200, tries: 2 })
  assert.deepEqual(await tried('/bodies/large', 200_000), { status: 503, tries: 1 })
})

test('retries of two tiers that multiply are told in the answer of the write, with the product', async () => {
  const listeners = [{ name: 'http', port: 1, protocol: 'http', address: '127.0.0.99' }]
  await edge.apply({ kind: 'Gateway', name: 'inner', spec: { listeners } })
  const retry = { attempts: 2, on: ['5xx'] }
  const { body } = await edge.weir.apply(
    { kind: 'Cluster', name: 'tier', spec: { gateway: { name: 'inner', listener: 'http' } } },
    route('outer', '/tiers', { forward: [{ cluster: 'tier' }], retry }),
    route('behind', '/', { gateways: ['inner'], retry: { ...retry, attempts: 3 } }),
  )
  const [warning, ...others] = body.warnings
  assert.deepEqual(others, [])
  assert.deepEqual([warning.kind, warning.name, warning.pointer], ['Route', 'outer', '/spec/retry'])
  assert.match(warning.message, /up to 3 times.*Route\/behind up to 4 times/)
  assert.match(warning.effect, /one request 12 times/)
})
