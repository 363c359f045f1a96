import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream
/** Answers of `/held` that wait to be sent. */
const held: ServerResponse[] = []

before(async () => {
  upstream = await startUpstream('a', (response, { url }) => {
    if (url!.startsWith('/held')) held.push(response)
    else response.writeHead(url!.startsWith('/failing') ? 500 : 200).end()
  })
  edge = await startEdge()
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

test('a route of which no more requests go on than keep its latency, beside one without that', async () => {
  const bound = { maxConcurrency: 2, minConcurrency: 2, minRtt: '1ms' }
  await edge.apply(
    gateway(edge.port, { adaptiveConcurrency: bound }),
    cluster('a', upstream),
    route('bounded', '/held/bounded', { adaptiveConcurrency: true }),
    route('free', '/held/free'),
  )
  const ask = (path: string) => Promise.all(Array.from({ length: 6 }, () => edge.send(path)))
  const [bounded, free] = [ask('/held/bounded'), ask('/held/free')]
  const refused = 'http.edge_http.adaptive_concurrency.gradient_controller.rq_blocked'
  await until('four are refused', async () => (await edge.envoy.stats(refused))[refused] === 4)
  await until('the others are under way', () => held.length === 8)
  for (const response of held.splice(0)) response.end()
  const answers = await bounded
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 503, 503, 503, 503])
  const { headers } = answers.find(({ status }) => status === 503)!
  assert.equal(headers['content-type'], 'application/problem+json')
  assert.ok((await free).every(({ status }) => status === 200))
})

test('a cluster that fails gets fewer requests, and others all of theirs', async () => {
  const admissionControl = { minRequestsPerSecond: 0 }
  await edge.apply(
    cluster('failing', upstream, { admissionControl, outlierDetection: 'none' }),
    cluster('well', upstream, { admissionControl, outlierDetection: 'none' }),
    route('failing', '/failing', { forward: [{ cluster: 'failing' }] }),
    route('well', '/well', { forward: [{ cluster: 'well' }] }),
  )
  const before = upstream.seen.length
  const ask = async (path: string) => {
    const answers = []
    for (let index = 0; index < 100; index++) answers.push(await edge.send(path))
    return answers
  }
  const answers = await ask('/failing')
  const passed = answers.filter(({ status }) => status === 500)
  const refused = answers.filter(({ status }) => status === 503)
  assert.equal(passed.length + refused.length, 100)
  assert.equal(upstream.seen.length - before, passed.length)
  assert.ok(passed.length > 0 && refused.length > 20, `${refused.length} were refused`)
  assert.doesNotMatch(refused[0]!.body, /admission/)
  assert.ok((await ask('/well')).every(({ status }) => status === 200))
})
