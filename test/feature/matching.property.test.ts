import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { arbitraryRequests, type Request } from '../support/arbitrary-requests.ts'
import { arbitraryRoutes, places } from '../support/arbitrary-routes.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { type MatchedRoute, match } from '../support/matcher-oracle.ts'
import { hasEscapedSlash, normalPath } from '../support/normal-path.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { type Case, smallest } from '../support/smaller.ts'
import { startWeir, type Weir } from '../support/weir.ts'

/** WEIR_LONG=1 sends more than 50,000 requests; WEIR_SEED repeats a run. */
const long = process.env.WEIR_LONG === '1'
const seed = Number(process.env.WEIR_SEED ?? (long ? Date.now() % 2 ** 31 : 20_260_102))
/** Sets of routes, routes of a set, requests to each. */
const few = { sets: long ? 120 : 10, routes: 30, requests: 300 }
/** So many that some hosts have them as a plain list and others by prefix. */
const more = { sets: long ? 20 : 2, routes: 400, requests: 600 }
const many = { sets: long ? 8 : 1, routes: 1_300, requests: 1_500 }

let database: FreshDatabase
let weir: Weir
let envoys: TestEnvoy[] = []
const ports: Record<string, number> = {}
const agent = new Agent({ keepAlive: true, maxSockets: 8 })

before(async () => {
  database = await freshDatabase()
  for (const { gateway, listener } of places) ports[`${gateway}/${listener}`] = await freePort()
  weir = await startWeir({ environment: { DATABASE_URL: database.url } })
  await weir.apply(...gateways())
  envoys = await Promise.all(
    ['edge', 'other'].map((gateway) => startTestEnvoy({ gateway, xdsPort: weir.xdsPort, id: gateway })),
  )
})

after(async () => {
  agent.destroy()
  await Promise.all(envoys.map((envoy) => envoy.stop()))
  await weir?.end()
  await database?.drop()
})

function gateways(): object[] {
  return ['edge', 'other'].map((name) => ({
    kind: 'Gateway',
    name,
    spec: {
      listeners: places
        .filter(({ gateway }) => gateway === name)
        .map(({ listener }) => ({
          name: listener,
          port: ports[`${name}/${listener}`],
          protocol: 'http',
        })),
    },
  }))
}

const answering = ({ name, spec }: MatchedRoute) => ({
  kind: 'Route',
  name,
  spec: { ...spec, respond: { status: 200, headers: { 'x-route': name } } },
})

let written = 0

/** Makes these the only routes; resolves once every listener serves them, or with what was said against them. */
async function put(routes: readonly MatchedRoute[]): Promise<string | undefined> {
  written++
  const marker = {
    name: 'marker',
    spec: {
      gateways: ['edge', 'other'],
      hosts: ['marker.internal'],
      match: { path: { exact: `/written-${written}` } },
    },
  }
  const documents = [...gateways(), ...[...routes, marker].map(answering)]
  // JSON is YAML, and faster to write.
  const text = documents.map((document) => JSON.stringify(document)).join('\n---\n')
  const { status, body } = await weir.confirmed('POST', '/v1/apply?prune=true&wait=acked&timeout=30s', text)
  if (status !== 200 || body.delivery.state !== 'acked') return refusal(body)
  for (const place of places) {
    const { host, path } = { host: 'marker.internal', path: `/written-${written}` }
    const asked: Request = { place, host, path, method: 'GET', headers: [], cookies: [], cookieLines: false }
    // An acknowledged table reaches Envoy's worker a moment later, so it is asked until it is there.
    while ((await answer(asked).catch(() => '')) !== 'marker');
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of any kind.
function refusal({ delivery, errors }: any): string {
  const nacks = delivery?.envoys.flatMap((envoy: { nacks?: { error: string }[] }) => envoy.nacks ?? [])
  const texts = (nacks ?? errors).map((each: { error: string }) => each.error ?? JSON.stringify(each))
  return `${delivery?.state}: ${[...texts].map((text) => `${text.slice(0, 300)} ... ${text.slice(-300)}`).slice(0, 3)}`
}

/** The name of the route that answered, or what else came. */
function answer({ place, host, method, path, headers, cookies, cookieLines }: Request): Promise<string> {
  const pairs = cookies.map(([name, value]) => `${name}=${value}`)
  const cookie = cookieLines || pairs.length === 0 ? pairs : [pairs.join('; ')]
  const lines = [['host', host], ...headers, ...cookie.map((value) => ['cookie', value])]
  const to = { host: '127.0.0.1', port: ports[`${place.gateway}/${place.listener}`]!, agent }
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ ...to, method, path, headers: lines.flat() as never }, (response) => {
      response.resume()
      const { statusCode, headers } = response
      response.on('end', () => resolve(String(headers['x-route'] ?? statusCode)))
    })
    sent.once('error', reject)
    sent.end()
  })
}

function expected(routes: readonly MatchedRoute[], { place, ...request }: Request): string {
  if (hasEscapedSlash(request.path)) return '307'
  const { gateway, listener } = place
  return match(routes, gateway, listener, { ...request, path: normalPath(request.path) }) ?? '404'
}

const seen = { requests: 0, exact: 0, prefix: 0, regex: 0, methods: 0, headers: 0, query: 0, cookies: 0 }

function count(routes: readonly MatchedRoute[], name: string): void {
  seen.requests++
  const matched = routes.find((route) => route.name === name)?.spec.match
  for (const part of Object.keys({ ...matched, ...matched?.path })) {
    if (part in seen) seen[part as keyof typeof seen]++
  }
}

/** Sends all requests, some at a time; answers with the first that was answered otherwise than expected. */
async function firstWrong(
  routes: readonly MatchedRoute[],
  requests: Request[],
): Promise<Request | undefined> {
  const queue = requests.values()
  let wrong: Request | undefined
  const worker = async () => {
    for (const request of queue) {
      const name = await answer(request)
      count(routes, name)
      if (name !== expected(routes, request)) wrong ??= request
      if (wrong !== undefined) return
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return wrong
}

async function agrees(routes: MatchedRoute[], requests: Request[]): Promise<void> {
  const refused = await put(routes)
  const request = refused === undefined ? await firstWrong(routes, requests) : requests[0]!
  if (request === undefined) return
  const fails = async (smaller: Case) => (await wrongWith(smaller)) !== undefined
  const small = await smallest({ routes, request }, fails)
  // Where it takes a thousand to fail, those that have to do with the path tell most.
  const relevant = small.routes.length < 20 ? small.routes : small.routes.filter(wantedBy(small.request))
  const lines = relevant.map((route) => JSON.stringify(route)).join('\n        ')
  assert.fail(`
routes: ${lines}
        of ${small.routes.length}
request: ${JSON.stringify(small.request)}
expected: ${expected(small.routes, small.request)}
Envoy: ${await wrongWith(small)}`)
}

/** Whether a route would take the request if it were alone. */
function wantedBy(request: Request): (route: MatchedRoute) => boolean {
  return (route) => expected([route], request) === route.name
}

/** The answer, or the refusal of the routes, where it is not what is expected. */
async function wrongWith({ routes, request }: Case): Promise<string | undefined> {
  const refused = await put(routes)
  if (refused !== undefined) return refused
  const name = await answer(request)
  return name === expected(routes, request) ? undefined : name
}

function agreesFor({ sets, routes, requests }: typeof few, wide: boolean): Promise<void> {
  const sample = arbitraryRoutes(routes, wide).chain((list) =>
    fc.tuple(fc.constant(list), arbitraryRequests(list, requests)),
  )
  const property = fc.asyncProperty(sample, ([list, asked]) => agrees(list, asked))
  // Its own shrinking would make every step another thousand requests.
  return fc.assert(property, { seed, numRuns: sets, endOnFailure: true, verbose: 0 })
}

describe('which route takes a request', () => {
  test('Envoy chooses the one that docs/routing.md names', () => agreesFor(few, false))

  test('also where some hosts have hundreds of routes', () => agreesFor(more, false))

  test('also where every host has more than a thousand', () => agreesFor(many, true))

  test('every kind of match took requests', () => {
    const { requests, ...parts } = seen
    for (const [part, taken] of Object.entries(parts)) {
      assert.ok(taken > requests / 50, `${part}: ${taken} of ${requests}`)
    }
  })
})
