import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { issue, type TestCertificate } from '../support/certificate.ts'
import { gateway, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { weir as run } from '../support/run-weir.ts'
import { sendSecurely } from '../support/tls.ts'
import { issuer } from '../support/tokens.ts'
import { tracesOf } from '../support/traces.ts'
import { until } from '../support/until.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const ca = issue({ commonName: 'internal', isCa: true })
const shop = issue({ commonName: 'shop', names: ['shop.example'] })
/** Of another key type, and what `shop` becomes. */
const rotated = issue({ commonName: 'shop', names: ['shop.example'], key: 'rsa' })
const never = issue({ commonName: 'shop', names: ['shop.example'] })
const upstreamClient = issue({ commonName: 'edge', issuer: ca })
const partner = issue({ commonName: 'partner', issuer: ca })
const upstream = issue({ commonName: 'search', names: ['search.internal'], issuer: ca })
const tokens = issuer('https://login.example')
const token = tokens.token()
const apiKey = `wk.${randomBytes(18).toString('base64url')}`

/** All that weir was ever told, and the token that a request brings: its signature alone, since the rest is the user's. */
const traces = tracesOf([shop, rotated, never, upstreamClient], [apiKey, token.split('.')[2]!])

const certificate = (name: string, { certificate, privateKey }: TestCertificate, keyed = true) => ({
  kind: 'Certificate',
  name,
  spec: { pem: { certificate, ...(keyed ? { privateKey } : {}) } },
})

describe('no trace of a secret that an Envoy was given', () => {
  let database: FreshDatabase
  let weir: Weir
  let envoy: TestEnvoy
  let server: Server
  let ports: { http: number; https: number }

  before(async () => {
    database = await freshDatabase()
    const environment = { DATABASE_URL: database.url, WEIR_LOG_LEVEL: 'debug' }
    weir = await startWeir({ environment })
    const trusted = { ca: ca.certificate, requestCert: true, rejectUnauthorized: true }
    server = createServer({ cert: upstream.certificate, key: upstream.privateKey, ...trusted }, (_, answer) =>
      answer.end('ok'),
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    ports = { http: await freePort(), https: await freePort() }
    const tls = { certificates: ['shop'], clientCertificate: 'require', clientCa: 'internal-ca' }
    const listeners = [
      { name: 'http', port: ports.http, protocol: 'http' },
      { name: 'https', port: ports.https, protocol: 'https', tls },
    ]
    const address = { address: '127.0.0.1', port: (server.address() as AddressInfo).port }
    const secure = { sni: 'search.internal', ca: 'internal-ca', clientCertificate: 'edge-client' }
    await weir.apply(
      certificate('shop', shop),
      certificate('internal-ca', ca, false),
      certificate('edge-client', upstreamClient),
      { kind: 'Consumer', name: 'acme', spec: { apiKeys: [{ id: 'main', value: apiKey }] } },
      gateway(ports.http, { listeners, accessLog: { format: 'json' } }),
      { kind: 'Cluster', name: 'a', spec: { endpoints: [address], tls: secure } },
      {
        kind: 'AuthPolicy',
        name: 'staff',
        spec: { jwt: { issuer: 'https://login.example', jwks: { inline: tokens.jwks } } },
      },
      route('all', '/', { auth: ['staff'] }),
    )
    envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'edge-1' })
    await weir.apply(certificate('shop', rotated))
    const { certificate: cert, privateKey: key } = partner
    const headers = { authorization: `Bearer ${token}` }
    await until('a request comes through', async () => {
      return (await sendSecurely(ports.https, '/', { cert, key, headers })).status === 200
    })
  })
  after(async () => {
    await envoy?.stop()
    await weir?.end()
    await database?.drop()
    server?.close()
  })

  async function get(url: string, options: RequestInit = {}): Promise<string> {
    const response = await fetch(url, options)
    const text = await response.text()
    assert.equal(response.status, 200, `${url}: ${text}`)
    return text
  }
  const asked = (path: string, body?: object) =>
    get(weir.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${weir.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const config = () => asked('/v1/fleet/edge-1/config')
  const dump = () => get(`${envoy.url}/config_dump?include_eds`)

  test('is in its configuration as weir shows it, which names each', async () => {
    const text = await config()
    assert.deepEqual(traces.in(text), [])
    const { gateway, id, resources } = JSON.parse(text)
    assert.deepEqual([gateway, id], ['edge', 'edge-1'])
    const ofType = (wanted: string) => resources.filter(({ type }: { type: string }) => type === wanted)
    const secrets = ofType('secret')
    assert.deepEqual(
      secrets.map(({ name }: { name: string }) => name),
      ['ca/internal-ca', 'certificate/edge-client', 'certificate/shop'],
    )
    const [trusted, client, served] = secrets.map(({ resource }: { resource: unknown }) => resource)
    assert.equal(trusted.validation_context.trusted_ca.inline_string, ca.certificate)
    for (const [{ tls_certificate: pair }, of] of [
      [client, upstreamClient],
      [served, rotated],
    ] as const) {
      assert.deepEqual(pair, {
        certificate_chain: { inline_string: of.certificate },
        private_key: '[redacted]',
      })
    }
    // All else is there to be read, down into extensions.
    assert.match(JSON.stringify(ofType('extension')), /https:\/\/login\.example/)
    assert.match(JSON.stringify(ofType('listener')), /"name":"certificate\/shop"/)
    assert.match(JSON.stringify(ofType('cluster')), /UpstreamTlsContext.*search\.internal/)
    assert.match(JSON.stringify(ofType('route')), /"cluster":"a"/)
    assert.equal(ofType('endpoints').length, 1)
    assert.deepEqual(JSON.parse(await asked('/v1/fleet/edge-1/config?type=secret')).resources, secrets)
  })

  test('is in what Envoy says of itself, or writes', async () => {
    const text = await dump()
    assert.match(text, /SecretsConfigDump/)
    for (const name of ['certificate/shop', 'certificate/edge-client', 'ca/internal-ca'])
      assert.ok(text.includes(name), name)
    assert.deepEqual(traces.in(text), [])
    for (const path of ['/certs', '/clusters?format=json', '/listeners', '/stats', '/server_info'])
      assert.deepEqual(traces.in(await get(envoy.url + path)), [], path)
    await until('the access log is written', () => envoy.log().includes('"status":200'))
    assert.deepEqual(traces.in(envoy.log()), [])
  })

  test('is in what weir answers about it', async () => {
    const dry = '/v1/apply?dryRun=true'
    const question = { gateway: 'edge', listener: 'https', host: 'shop.example', path: '/' }
    const headers = { authorization: `Bearer ${token}` }
    const answers = [
      ...['/v1/fleet', '/metrics', '/v1/export', '/v1/export?effective=true', '/v1/export?at=1'],
      ...['/v1/certificates', '/v1/revisions', '/v1/revisions/1/diff', '/v1/revisions/2/diff'],
      '/v1/revisions/2/diff?from=0',
    ].map((path) => asked(path))
    answers.push(asked('/v1/explain', { ...question, headers }), asked(dry, certificate('shop', never)))
    const environment = { WEIR_URL: weir.url, WEIR_ADMIN_TOKEN: weir.token }
    const { code, stdout, stderr } = await run(['fleet', '-o', 'json'], { environment })
    assert.equal(code, 0, stderr)
    const all = [...(await Promise.all(answers)), stdout]
    assert.match(all.at(-2)!, /certificate\/shop/, 'the dry run says what would change in Envoy')
    assert.deepEqual(
      all.flatMap((text) => traces.in(text)),
      [],
    )
  })

  test('is in the log at its loudest, or the files beside it', () => {
    assert.match(weir.output(), /"level":"debug"|"level":20/)
    assert.deepEqual(traces.in(weir.output()), [])
    for (const entry of readdirSync(weir.dataDir, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile() && existsSync(path)) assert.deepEqual(traces.in(readFileSync(path)), [], entry.name)
    }
  })

  test('but of one that was written where none belongs, in each of them', async () => {
    // An RSA key begins with what is public of it.
    const line = rotated.privateKey.split('\n').at(-5)!
    await weir.apply(
      route('planted', '/planted', {
        respond: { status: 200, body: `x${line.slice(10, 20)}y` },
      }),
    )
    const shown = {
      config: await config(),
      dump: await dump(),
      export: await asked('/v1/export'),
      diff: await asked('/v1/revisions/3/diff'),
    }
    for (const [where, text] of Object.entries(shown)) assert.ok(traces.in(text).length > 0, where)
  })
})
