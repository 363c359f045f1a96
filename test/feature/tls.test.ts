import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Agent, request } from 'node:https'
import { after, before, describe, test } from 'node:test'
import { issue, type TestCertificate } from '../support/certificate.ts'
import { type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { freePort } from '../support/ports.ts'
import { handshake, sendSecurely } from '../support/tls.ts'
import { until } from '../support/until.ts'

const pem = (name: string, { certificate, privateKey }: TestCertificate) => ({
  kind: 'Certificate',
  name,
  spec: { pem: { certificate, privateKey } },
})

const acme = {
  directory: 'https://acme.example/dir',
  agreeTerms: true,
  challenge: 'http_01',
  domains: ['shop.example'],
}

describe('TLS at a listener', () => {
  let edge: Edge
  const ports: Record<string, number> = {}
  const listeners = () => [
    { name: 'http', port: edge.port, protocol: 'http' },
    ...[
      { name: 'several', tls: { certificates: ['first', 'wild', 'exact', 'rsa'] } },
      { name: 'modern', tls: { certificates: ['first'], minVersion: '1.3' } },
      { name: 'late', tls: { certificates: ['shop'] } },
    ].map((each) => ({ ...each, port: ports[each.name], protocol: 'https' })),
  ]

  before(async () => {
    edge = await startEdge()
    for (const name of ['several', 'modern', 'late']) ports[name] = await freePort()
    const { body } = await edge.weir.apply(
      pem('first', issue({ commonName: 'first', names: ['a.example'] })),
      pem('wild', issue({ commonName: 'wild', names: ['*.shop.example'] })),
      pem('exact', issue({ commonName: 'exact', names: ['pay.shop.example'] })),
      pem('rsa', issue({ commonName: 'rsa', names: ['old.example'], key: 'rsa' })),
      { kind: 'Certificate', name: 'shop', spec: { acme } },
      gateway(edge.port, { listeners: listeners() }),
      route('hello', '/', { respond: { status: 200, body: 'hello' } }),
    )
    const warned = body.warnings.filter(({ kind }: { kind: string }) => kind === 'Certificate')
    assert.deepEqual(
      warned.map(({ name, pointer, effect }: Record<string, string>) => [name, pointer, effect]),
      [['shop', '/spec/acme', 'a self-signed placeholder is served until the certificate is given as pem']],
    )
    await until('the listeners accept', async () => (await handshake(ports.late!)).failure === undefined)
  })
  after(() => edge?.stop())

  for (const [servername, served] of [
    ['a.example', 'first'],
    ['pay.shop.example', 'exact'],
    ['www.shop.example', 'wild'],
    ['old.example', 'rsa'],
    ['deep.www.shop.example', 'first'],
    ['unknown.example', 'first'],
    ['', 'first'],
  ] as const) {
    test(`a client that asks for ${servername || 'no name'} is served the certificate "${served}"`, async () => {
      const shaken = await handshake(ports.several!, servername === '' ? {} : { servername })
      assert.equal(shaken.served, served)
    })
  }

  test('HTTP/2 and HTTP/1.1 are chosen by ALPN', async () => {
    for (const [offered, chosen] of [
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1'], 'http/1.1'],
      [['spdy/3'], false],
    ] as const) {
      const { alpn } = await handshake(ports.several!, { ALPNProtocols: [...offered] })
      assert.equal(alpn, chosen)
    }
    assert.equal((await sendSecurely(ports.several!, '/')).body, 'hello')
    const session = connectHttp2(`https://127.0.0.1:${ports.several}`, { rejectUnauthorized: false })
    const stream = session.request({ ':path': '/' })
    const [headers] = await once(stream, 'response')
    assert.equal(headers[':status'], 200)
    session.destroy()
  })

  test('TLS 1.2 is the oldest, or 1.3 where that is asked for; suites are those with forward secrecy', async () => {
    const at = (port: string, maxVersion: 'TLSv1.2' | 'TLSv1.3' | 'TLSv1.1', more = {}) =>
      handshake(ports[port]!, { minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0', ...more })
    assert.equal((await at('several', 'TLSv1.3')).protocol, 'TLSv1.3')
    const { protocol, cipher } = await at('several', 'TLSv1.2')
    assert.equal(protocol, 'TLSv1.2')
    assert.match(cipher!, /^ECDHE-.*(GCM|POLY1305)/)
    assert.match((await at('several', 'TLSv1.1')).failure!, /PROTOCOL_VERSION/)
    assert.match((await at('modern', 'TLSv1.2')).failure!, /PROTOCOL_VERSION/)
    assert.equal((await at('modern', 'TLSv1.3')).protocol, 'TLSv1.3')
    const weak = { servername: 'old.example', ciphers: 'AES128-SHA:AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA' }
    assert.match((await at('several', 'TLSv1.2', weak)).failure!, /HANDSHAKE_FAILURE/)
  })

  test('a placeholder is served until the certificate is given, then that: nothing drains, connections live', async () => {
    const port = ports.late!
    assert.equal((await handshake(port, { servername: 'shop.example' })).served, 'weir placeholder')
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    const overOneConnection = () =>
      new Promise<unknown>((resolve, reject) => {
        const outgoing = request(
          { host: '127.0.0.1', port, agent, servername: 'shop.example' },
          (response) => {
            response.resume().once('end', () => resolve(outgoing.reusedSocket))
          },
        )
        outgoing.once('error', reject).end()
      })
    assert.equal(await overOneConnection(), false)
    const version = await listenerVersions(edge)
    const given = issue({ commonName: 'given', names: ['shop.example'] })
    const { body } = await edge.weir.apply(pem('shop', given))
    assert.deepEqual(body.warnings, [])
    assert.equal((await handshake(port, { servername: 'shop.example' })).served, 'given')
    assert.equal(await overOneConnection(), true, 'the connection from before is still there')
    assert.deepEqual(await listenerVersions(edge), version)
    assert.equal((await edge.envoy.stats('listener_manager'))['listener_manager.listener_modified'], 0)
    agent.destroy()
  })

  test('a bad certificate never takes the place of a good one', async () => {
    const good = issue({ commonName: 'good', names: ['shop.example'] })
    await edge.weir.apply(pem('shop', good))
    const other = issue({ commonName: 'bad' })
    const ca = issue({ commonName: 'ca', isCa: true })
    const signed = issue({ commonName: 'bad', issuer: ca })
    const bad: [string, TestCertificate, RegExp][] = [
      ['another key', { ...good, privateKey: other.privateKey }, /not the one of the certificate/],
      ['expired', issue({ commonName: 'bad', from: -7_200_000, until: -3_600_000 }), /has expired/],
      [
        'a chain in the wrong order',
        { ...signed, certificate: signed.certificate + other.certificate },
        /not signed by/,
      ],
      ['SHA-1', issue({ commonName: 'bad', issuer: ca, digest: 'sha1' }), /SHA-1/],
    ]
    for (const [what, certificate, message] of bad) {
      const { status, body } = await edge.weir.api('POST', '/v1/apply', pem('shop', certificate))
      assert.equal(status, 422, what)
      assert.match(body.errors[0].message, message)
    }
    assert.equal((await handshake(ports.late!)).served, 'good')
    const soon = issue({ commonName: 'soon', issuer: ca, until: 86_400_000 })
    const { body } = await edge.weir.apply(
      pem('shop', { ...soon, certificate: soon.certificate + ca.certificate }),
    )
    assert.match(body.warnings[0].message, /expires soon/)
    assert.equal((await handshake(ports.late!)).served, 'soon')
  })

  test('a dry run tells that the secret changes and that nothing drains', async () => {
    const next = pem('shop', issue({ commonName: 'next' }))
    const { body } = await edge.weir.api('POST', '/v1/apply?dryRun=true', next)
    assert.deepEqual(body.gateways, [
      {
        gateway: 'edge',
        added: [],
        changed: [{ type: 'secret', name: 'certificate/shop' }],
        removed: [],
        drains: [],
      },
    ])
    assert.doesNotMatch(JSON.stringify(body), /PRIVATE KEY/)
  })

  test('an Envoy has only the certificates that its gateway names', async () => {
    await edge.weir.apply(pem('unused', issue({ commonName: 'unused' })))
    const dump = JSON.stringify(await edge.envoy.configDump())
    const names = [...new Set(dump.match(/(certificate|ca)\/[a-z-]+/g))]
    assert.deepEqual(
      names.sort(),
      ['exact', 'first', 'rsa', 'shop', 'wild'].map((name) => `certificate/${name}`),
    )
    assert.doesNotMatch(dump, /BEGIN (EC |RSA )?PRIVATE KEY/)
  })
})

/** Name and version of every listener that serves. */
async function listenerVersions(edge: Edge): Promise<unknown> {
  const { configs } = (await edge.envoy.configDump()) as { configs: Record<string, unknown>[] }
  const listeners = configs.flatMap(({ dynamic_listeners }) => dynamic_listeners ?? []) as {
    name: string
    active_state: { version_info: string }
  }[]
  return listeners.map(({ name, active_state }) => [name, active_state.version_info])
}
