import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { type HostileRequest, hostileRequests, sender } from '../support/hostile-requests.ts'
import { send } from '../support/http.ts'
import { http2Request } from '../support/http2-frames.ts'
import { patient, policy } from '../support/rate-limits.ts'
import { rawExchange } from '../support/raw.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let open: Upstream
let guarded: Upstream

/** Status of the request that ends a connection. */
const ended = 299

before(async () => {
  open = await startUpstream('open')
  guarded = await startUpstream('guarded')
  edge = await startEdge(patient)
  const forward = [{ cluster: 'guarded' }]
  const admin = { prefix: '/admin' }
  /** What Envoy says of a request itself: a client that could say it would be let in. */
  const trusted = (name: string, header: object) =>
    route(name, { path: admin, headers: [header] }, { forward, priority: 10 })
  await edge.apply(
    cluster('a', open),
    cluster('guarded', guarded),
    policy('nobody', { limit: 0 }),
    route('rest', '/'),
    route('end', { path: { exact: '/end' } }, { respond: { status: ended } }),
    route('admin', { path: admin }, { forward, rateLimits: ['nobody'] }),
    route('inside', '/', { hosts: ['inside.example'], forward, rateLimits: ['nobody'] }),
    trusted('internal', { name: 'x-envoy-internal', exact: 'true' }),
    trusted('secure', { name: 'x-forwarded-proto', exact: 'https' }),
    trusted('known', { name: 'x-forwarded-client-cert', present: true }),
  )
})

after(async () => {
  await edge?.stop()
  await open?.close()
  await guarded?.close()
})

/** Of all that is under way at once, an attack is told by its own address, which Envoy appends to `x-forwarded-for`. */
function seenFrom(address: string): Upstream['seen'] {
  return open.seen.filter(({ headers }) => String(headers['x-forwarded-for']).endsWith(address))
}

/** Sends a plain request and waits for it, so that what went before has arrived, if it ever does. */
async function settled(from: string): Promise<void> {
  await send(edge.port, { path: settledPath, from })
}

const settledPath = '/settled'

async function attack(hostile: HostileRequest, from: string) {
  const { bytes, statuses, open: passed = [], isCut = false, headers = {} } = hostile
  // A request to end with, so that nothing is waited for in vain; HTTP/2 has an end of its own.
  const end =
    statuses === undefined ? '' : 'GET /end HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n'
  const sent = Buffer.concat([Buffer.from(bytes), Buffer.from(end)])
  const answer = await rawExchange(edge.port, sent, { quietMs: 150, from })
  await settled(from)
  const got = [...answer.matchAll(/^HTTP\/1\.[01] (\d{3}) /gm)]
    .map(([, status]) => Number(status))
    .filter((status) => status !== ended)
  const seen = seenFrom(from).filter(({ url }) => url !== settledPath)
  assert.deepEqual(
    {
      statuses: statuses && got,
      open: seen.map(({ method, url }) => `${method} ${url}`),
      guarded: guarded.seen.map(({ url }) => url),
    },
    { statuses, open: isCut && seen.length === 0 ? [] : passed, guarded: [] },
  )
  for (const [name, value] of Object.entries(headers)) {
    assert.equal(seen[0]!.headers[name] ?? null, value === sender ? from : value, name)
  }
  for (const { url, headers } of seen) {
    assert.doesNotMatch(url.replace(/\?.*/s, ''), otherForms)
    assert.match(headers.host!, /^[a-z.]+$/i)
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.includes('_')),
      [],
    )
  }
}

/** What no path has after Envoy has brought it into its normal form. */
const otherForms = /\/\.\.?(\/|;|$)|\/\/|\\|%2f|%5c|%00/i

describe('hostile requests reach nothing that they should not', () => {
  test('there are 60 and more, each with its source', () => {
    assert.ok(hostileRequests.length >= 60)
    assert.deepEqual(
      hostileRequests.filter(({ source }) => source === ''),
      [],
    )
    assert.equal(new Set(hostileRequests.map(({ title }) => title)).size, hostileRequests.length)
  })

  describe('at once, each from an address of its own', { concurrency: 16 }, () => {
    for (const [index, hostile] of hostileRequests.entries())
      test(hostile.title, () =>
        attack(hostile, `127.0.${100 + Math.floor(index / 200)}.${1 + (index % 200)}`),
      )
  })

  test('nothing came from anywhere else, or to what is guarded', () => {
    const addresses = open.seen.map(({ headers }) =>
      String(headers['x-forwarded-for']).split(',').at(-1)!.trim(),
    )
    assert.ok(addresses.every((address) => address.startsWith('127.0.10')))
    assert.deepEqual(guarded.seen, [])
  })

  test('what they aim at is there: a request that is what they pretend gets in', async () => {
    await edge.apply(route('admin', { path: { prefix: '/admin' } }, { forward: [{ cluster: 'guarded' }] }))
    assert.equal((await edge.send('/admin/smuggled')).status, 200)
    const fields = { ':method': 'GET', ':scheme': 'http', ':authority': 'shop.example', ':path': '/admin/2' }
    await rawExchange(edge.port, http2Request(Object.entries(fields)), { quietMs: 150 })
    assert.deepEqual(
      guarded.seen.map(({ url }) => url),
      ['/admin/smuggled', '/admin/2'],
    )
  })
})
