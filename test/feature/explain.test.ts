import assert from 'node:assert/strict'
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { ExplainAnswer } from '../../src/admin/routes/explain.ts'
import { arbitraryLimits, type LimitedRequest, type LimitSet } from '../support/arbitrary-limits.ts'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { type RateLimitClient, rateLimitClient } from '../support/rate-limit-client.ts'
import { assertDecided } from '../support/rate-limits.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** WEIR_LONG=1 makes 10,000 requests; WEIR_SEED repeats a run. */
const long = process.env.WEIR_LONG === '1'
const seed = Number(process.env.WEIR_SEED ?? (long ? Date.now() % 2 ** 31 : 20_260_107))
const sets = long ? 100 : 12
const requestsOfASet = 100

let edge: Edge
let upstream: Upstream
let client: RateLimitClient
const agents = new Map<string, Agent>()

before(async () => {
  upstream = await startUpstream('a')
  edge = await startEdge()
  client = rateLimitClient(edge.weir.rlsPort)
})

after(async () => {
  for (const agent of agents.values()) agent.destroy()
  client?.close()
  await edge?.stop()
  await upstream?.close()
})

/** The policies twice: those that Envoy asks, and others just like them that only the plain client asks. */
const twinOf = (name: string) => `${name}-twin`

async function put({ policies, everywhere, routes }: LimitSet): Promise<void> {
  const named = policies.flatMap(({ name, spec }) =>
    [name, twinOf(name)].map((each) => ({ kind: 'RateLimitPolicy', name: each, spec })),
  )
  const gateway = {
    ...{ kind: 'Gateway', name: 'edge' },
    spec: {
      listeners: [{ name: 'http', port: edge.port, protocol: 'http' }],
      rateLimits: everywhere,
      // What is compared is decisions, on a machine that may be busy.
      rateLimitService: { timeout: '10s', onUnavailable: 'deny' },
    },
  }
  const marker = policies[0]!.name
  const all = routes.map(({ path: prefix, rateLimits }, index) =>
    route(`r${index}`, prefix, { rateLimits, headers: { response: { set: { 'x-route': `r${index}` } } } }),
  )
  const shown = { respond: { status: 200, headers: { 'x-marker': marker } } }
  await edge.apply(...named, gateway, cluster('a', upstream), ...all, route('marker', '/marker', shown))
  // An acknowledged table reaches Envoy's worker a moment later, so it is asked until it is there.
  while ((await edge.send('/marker')).headers['x-marker'] !== marker);
}

async function explained({ headers, ...question }: LimitedRequest): Promise<ExplainAnswer> {
  const byName = Map.groupBy(headers, ([name]) => name)
  const lines = [...byName].map(([name, pairs]) => [name, pairs.map(([, value]) => value)])
  const response = await fetch(`${edge.weir.url}/v1/explain`, {
    method: 'POST',
    headers: { authorization: `Bearer ${edge.weir.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ gateway: 'edge', ...question, headers: Object.fromEntries(lines) }),
  })
  assert.equal(response.status, 200, JSON.stringify({ headers, ...question }))
  return (await response.json()) as ExplainAnswer
}

function made(request: LimitedRequest): Promise<{ status: number; headers: IncomingHttpHeaders }> {
  const { method, path: target, headers, clientIp: localAddress } = request
  const agent = agents.get(localAddress) ?? new Agent({ keepAlive: true, maxSockets: 1 })
  agents.set(localAddress, agent)
  // Node writes each character of a header as a byte.
  const bytes = headers.map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')])
  const to = { host: '127.0.0.1', port: edge.port, path: target, method, agent, localAddress }
  return new Promise((resolve, reject) => {
    const lines = [['host', 'localhost'], ...(method === 'POST' ? [['content-length', '0']] : []), ...bytes]
    const sent = httpRequest({ ...to, headers: lines.flat() as never }, (response) => {
      response.resume()
      response.once('end', () => resolve({ status: response.statusCode!, headers: response.headers }))
    })
    sent.once('error', reject)
    sent.end()
  })
}

/** What a plain gRPC client is told that sends what explain says, for the policies' twins. */
async function asked(requests: ExplainAnswer['rateLimitRequests']): Promise<boolean> {
  for (const { domain, descriptors } of requests) {
    const twins = descriptors.map(({ entries }) => ({
      entries: entries.map(({ key, value }) => ({
        key,
        value: Buffer.from(key === 'policy' ? twinOf(value) : value, 'utf8'),
      })),
    }))
    const { overall_code } = await client.ask({ domain, descriptors: twins })
    if (overall_code !== 'OK') return false
  }
  return true
}

const seen = {
  requests: 0,
  passed: 0,
  refused: 0,
  none: 0,
  twoStages: 0,
  shadow: 0,
  skipped: 0,
  overridden: 0,
}

function count({ route, decision, rateLimitRequests }: ExplainAnswer): void {
  const { status, limits } = decision
  seen.requests++
  if (route === null) seen.none++
  else if (status === 200) seen.passed++
  else seen.refused++
  if (rateLimitRequests.length === 2) seen.twoStages++
  if (limits.some(({ enforced, result }) => !enforced && result === 'denied')) seen.shadow++
  if (limits.some(({ result }) => result === 'skipped')) seen.skipped++
  if (limits.some(({ from = '' }) => from.startsWith('override'))) seen.overridden++
}

describe('what explain says of a request', () => {
  // By the hash of a key one of two twins may be enforced and the other not, so that these have none.
  for (const { title, share, twins } of [
    {
      title: 'comes true, and what it says that Envoy would send is answered alike',
      share: [0, 100, 100],
      twins: true,
    },
    { title: 'comes true where a policy is enforced for half of the keys', share: [50], twins: false },
  ]) {
    test(title, async () => {
      for (let set = 0; set < sets / 2; set++) {
        const prefix = `${twins ? 'twins' : 'half'}-${set}`
        const arbitrary = arbitraryLimits({ prefix, share, count: requestsOfASet })
        const [limits] = fc.sample(arbitrary, { seed: seed + set, numRuns: 1 })
        await put(limits!)
        for (const request of limits!.requests) {
          const foretold = await explained(request)
          const { decision, route, rateLimitRequests } = foretold
          const fact = await made(request)
          const told = () => JSON.stringify({ set: limits, request, foretold, fact }, null, 1)
          assert.equal(fact.status, decision.status, told())
          if (fact.status === 200) assert.equal(fact.headers['x-route'], route?.name, told())
          count(foretold)
          if (!twins || route === null) continue
          assert.equal(await asked(rateLimitRequests), decision.status === 200, told())
        }
      }
    })
  }

  test('every sort of decision was among them, and none was made without the service', async (context) => {
    const { requests, ...sorts } = seen
    context.diagnostic(JSON.stringify(seen))
    assert.equal(requests, sets * requestsOfASet)
    for (const [sort, times] of Object.entries(sorts)) assert.ok(times > requests / 100, `${sort}: ${times}`)
    await assertDecided(edge.envoy)
  })
})
