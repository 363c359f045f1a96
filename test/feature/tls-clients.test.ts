import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { issue, revocationList, type TestCertificate } from '../support/certificate.ts'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { freePort } from '../support/ports.ts'
import { handshake, type SecureAnswer, sendSecurely } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const ca = issue({ commonName: 'partners', isCa: true })
const stranger = issue({ commonName: 'strangers', isCa: true })
const billing = issue({ commonName: 'billing', issuer: ca, names: ['spiffe://partner.example/billing'] })
const ordering = issue({ commonName: 'ordering', issuer: ca, names: ['orders.partner.example'] })
const expired = issue({ commonName: 'billing', issuer: ca, from: -7_200_000, until: -3_600_000 })
const revoked = issue({ commonName: 'billing', issuer: ca, names: ['spiffe://partner.example/billing'] })
const foreign = issue({
  commonName: 'billing',
  issuer: stranger,
  names: ['spiffe://partner.example/billing'],
})

const fingerprint = new X509Certificate(billing.certificate).fingerprint256
const caDocument = (crl?: string) => ({
  kind: 'Certificate',
  name: 'partner-ca',
  spec: { pem: { certificate: ca.certificate, ...(crl === undefined ? {} : { crl }) } },
})

describe('certificates of clients', () => {
  let edge: Edge
  let upstream: Upstream
  const ports: Record<string, number> = {}

  before(async () => {
    upstream = await startUpstream('a')
    edge = await startEdge()
    const rules = {
      required: { clientCertificate: 'require' },
      requested: { clientCertificate: 'request' },
      unasked: { clientCertificate: 'none' },
      named: {
        clientCertificate: 'require',
        clientSan: ['spiffe://partner.example/billing', 'other.partner.example'],
      },
      fingerprints: { clientCertificate: 'require', clientFingerprints: [fingerprint] },
      automatic: { clientCertificate: 'require', clientCa: 'shop' },
    }
    for (const name of Object.keys(rules)) ports[name] = await freePort()
    const listeners = Object.entries(rules).map(([name, rule]) => ({
      ...{ name, port: ports[name], protocol: 'https' },
      tls: { certificates: ['shop'], clientCa: 'partner-ca', ...rule },
    }))
    const { certificate, privateKey } = issue({ commonName: 'shop', names: ['a.example'] })
    await edge.apply(
      { kind: 'Certificate', name: 'served', spec: { pem: { certificate, privateKey } } },
      {
        kind: 'Certificate',
        name: 'shop',
        spec: {
          acme: {
            directory: 'https://acme.example/dir',
            agreeTerms: true,
            challenge: 'http_01',
            domains: ['a.example'],
          },
        },
      },
      caDocument(revocationList(ca, [revoked])),
      gateway(edge.port, { listeners: [{ name: 'http', port: edge.port, protocol: 'http' }, ...listeners] }),
      cluster('a', upstream),
      route('all', '/'),
    )
    await until('the listeners accept', async () => (await handshake(ports.unasked!)).failure === undefined)
  })
  after(async () => {
    await edge?.stop()
    await upstream?.close()
  })

  const as = (listener: string, client?: TestCertificate, headers: Record<string, string> = {}) =>
    sendSecurely(ports[listener]!, '/', {
      headers,
      ...(client === undefined ? {} : { cert: client.certificate, key: client.privateKey }),
    })
  const refused = async (listener: string, client?: TestCertificate) => {
    const before = upstream.seen.length
    const answer = await as(listener, client)
    assert.equal(answer.status, undefined, `${listener}: ${JSON.stringify(answer)}`)
    assert.equal(upstream.seen.length, before)
  }
  const served = (answer: SecureAnswer) => assert.equal(answer.status, 200, JSON.stringify(answer))
  const told = () => upstream.seen.at(-1)!.headers['x-forwarded-client-cert']

  test('require: only who has a certificate of the CA, good today and not revoked', async () => {
    served(await as('required', billing))
    served(await as('required', ordering))
    for (const client of [undefined, foreign, expired, revoked, issue({ commonName: 'alone' })]) {
      await refused('required', client)
    }
  })

  test('over TLS 1.2 it is the same', async () => {
    const at = (client?: TestCertificate) =>
      sendSecurely(ports.required!, '/', {
        maxVersion: 'TLSv1.2',
        ...(client === undefined ? {} : { cert: client.certificate, key: client.privateKey }),
      })
    served(await at(billing))
    for (const client of [undefined, foreign, expired, revoked])
      assert.equal((await at(client)).status, undefined)
  })

  test('request: whoever has none passes, and one that is presented must be good', async () => {
    served(await as('requested'))
    assert.equal(told(), undefined)
    served(await as('requested', billing))
    assert.match(String(told()), /URI=spiffe:\/\/partner\.example\/billing/)
    for (const client of [foreign, expired, revoked]) await refused('requested', client)
  })

  test('names: only who has one of them', async () => {
    served(await as('named', billing))
    await refused('named', ordering)
    await refused('named', foreign)
  })

  test('fingerprints: only that certificate, and only with the CA’s word', async () => {
    served(await as('fingerprints', billing))
    await refused('fingerprints', ordering)
  })

  test('a CA without a value vouches for nobody, not even for the placeholder', async () => {
    await refused('automatic', billing)
    await refused('automatic')
  })

  test('x-forwarded-client-cert is what the client proved, whatever it writes there itself', async () => {
    const spoofed = { 'x-forwarded-client-cert': 'Hash=00;URI=spiffe://partner.example/admin' }
    for (const listener of ['unasked', 'requested']) {
      served(await as(listener, undefined, spoofed))
      assert.equal(told(), undefined, listener)
    }
    await edge.send({ path: '/', headers: spoofed })
    assert.equal(told(), undefined, 'http')
    served(await as('required', billing, spoofed))
    const hash = fingerprint.replaceAll(':', '').toLowerCase()
    const subject = 'Subject="CN=billing"'
    assert.equal(told(), `Hash=${hash};${subject};URI=spiffe://partner.example/billing`)
    served(await as('required', ordering, spoofed))
    assert.match(
      String(told()),
      /^Hash=[0-9a-f]{64};Subject="CN=ordering";(URI=;)?DNS=orders\.partner\.example$/,
    )
  })

  test('a certificate that is revoked later is refused from then on, and no listener drains', async () => {
    served(await as('required', ordering))
    await edge.apply(caDocument(revocationList(ca, [revoked, ordering])))
    await refused('required', ordering)
    served(await as('required', billing))
    await edge.apply(caDocument(revocationList(ca, [revoked])))
    served(await as('required', ordering))
    for (const useless of [revocationList(ca, [], -1_000), revocationList(stranger, [])]) {
      await edge.apply(caDocument(useless))
      await refused('required', billing)
    }
    await edge.apply(caDocument())
    served(await as('required', revoked))
    assert.equal((await edge.envoy.stats('listener_manager'))['listener_manager.listener_modified'], 0)
  })
})
