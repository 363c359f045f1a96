import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { issue, type TestCertificate } from '../support/certificate.ts'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { freePort } from '../support/ports.ts'
import { policy as limit, patient } from '../support/rate-limits.ts'
import { sendSecurely } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const ca = issue({ commonName: 'partners', isCa: true })
const certificate = (commonName: string, ...names: string[]) =>
  issue({ commonName, issuer: ca, ...(names.length > 0 && { names }) })
const clients = {
  byUri: certificate('x', 'b.partner.example', 'spiffe://partner.example/orders'),
  byName: certificate('x', 'orders.partner.example'),
  bySubject: certificate('orders'),
  other: certificate('spiffe://partner.example/orders', 'spiffe://other.example/orders'),
}

let edge: Edge
let upstream: Upstream
let port: number

before(async () => {
  upstream = await startUpstream('a')
  port = await freePort()
  edge = await startEdge(patient)
  const { certificate, privateKey } = issue({ commonName: 'shop', names: ['a.example'] })
  const tls = { certificates: ['shop'], clientCertificate: 'request', clientCa: 'partner-ca' }
  const listeners = [
    { name: 'http', port: edge.port, protocol: 'http' },
    { name: 'https', port, protocol: 'https', tls },
  ]
  const names = [
    { prefix: 'spiffe://partner.example/' },
    { suffix: '.partner.example' },
    { exact: 'CN=orders' },
  ]
  await edge.apply(
    { kind: 'Certificate', name: 'shop', spec: { pem: { certificate, privateKey } } },
    { kind: 'Certificate', name: 'partner-ca', spec: { pem: { certificate: ca.certificate } } },
    gateway(edge.port, { ...patient, listeners }),
    cluster('a', upstream),
    { kind: 'AuthPolicy', name: 'partners', spec: { allow: { certificates: names } } },
    limit('each', { limit: 2, key: [{ client_certificate: true }] }),
    route('partners', '/partners', { auth: ['partners'] }),
    route('limited', '/limited', { rateLimits: ['each'] }),
  )
  await until('the listener serves', async () => (await ask('/partners')).status === 403)
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
})

function ask(path: string, client?: TestCertificate, headers: Record<string, string> = {}) {
  const own = client === undefined ? {} : { cert: client.certificate, key: client.privateKey }
  return sendSecurely(port, path, { ...own, headers })
}

describe('rules on certificates', () => {
  for (const [name, status] of [
    ['byUri', 200],
    ['byName', 200],
    ['bySubject', 200],
    ['other', 403],
  ] as const) {
    test(`${name}: ${status}`, async () => {
      const seen = upstream.seen.length
      assert.equal((await ask('/partners', clients[name])).status, status)
      assert.equal(upstream.seen.length - seen, status === 200 ? 1 : 0)
    })
  }

  test('nobody passes without one, whatever is written', async () => {
    const seen = upstream.seen.length
    const spoofed = { 'x-forwarded-client-cert': 'By=x;URI=spiffe://partner.example/orders' }
    assert.equal((await ask('/partners', undefined, spoofed)).status, 403)
    assert.equal((await edge.send({ path: '/partners', headers: spoofed })).status, 403)
    assert.equal(upstream.seen.length, seen)
  })
})

test('each identity has a counter of its own, and all without one share one', async () => {
  const passed = async (client?: TestCertificate) => {
    const statuses = []
    for (let count = 0; count < 3; count++) statuses.push((await ask('/limited', client)).status)
    return statuses
  }
  for (const client of [...Object.values(clients), undefined])
    assert.deepEqual(await passed(client), [200, 200, 429])
  assert.equal((await edge.send('/limited')).status, 429)
})
