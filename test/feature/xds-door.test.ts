import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import type { XdsAccess } from '../../src/bootstrap/access.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { type AdsAccess, openAdsStream } from '../support/ads-client.ts'
import { openBareStream } from '../support/bare-ads.ts'
import { issue } from '../support/certificate.ts'
import { cluster, gateway, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { createPki, type Pki } from '../support/guarded-xds.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { freshDatabase } from '../support/postgres.ts'
import { weir as runWeir } from '../support/run-weir.ts'
import { handshake } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let pki: Pki
let weir: Weir
let upstream: Upstream
let ports: { edge: number; other: number }
const cleanUp = new AsyncDisposableStack()

before(async () => {
  pki = createPki()
  cleanUp.defer(pki.close)
  const database = await freshDatabase()
  cleanUp.defer(database.drop)
  upstream = await startUpstream('a')
  cleanUp.defer(upstream.close)
  const environment = { DATABASE_URL: database.url, WEIR_XDS_TOKENS: 'true', ...pki.settings }
  weir = await startWeir({ environment })
  cleanUp.defer(async () => void (await weir.end()))
  ports = { edge: await freePort(), other: await freePort() }
  const other = { listeners: [{ name: 'http', port: ports.other, protocol: 'http' }] }
  await weir.apply(
    gateway(ports.edge, {}),
    { kind: 'Gateway', name: 'other', spec: other },
    cluster('a', upstream),
    route('all', '/', { gateways: ['edge', 'other'] }),
  )
})

after(() => cleanUp.disposeAsync())

const serves = (port: number) =>
  send(port, { path: '/' }).then(
    ({ status }) => status === 200,
    () => false,
  )

async function token(...gateways: string[]): Promise<string> {
  const headers = { authorization: `Bearer ${weir.token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ gateways })
  const answer = await fetch(`${weir.url}/v1/xds-tokens`, { method: 'POST', headers, body })
  return ((await answer.json()) as { token: string }).token
}

/** How a stream of that node ends, or that it is served. */
async function outcome(t: TestContext, access: AdsAccess, node = 'edge') {
  const stream = openAdsStream(weir.xdsPort, 'delta', access)
  t.after(() => stream.close())
  stream.send({ node: { id: 'hostile', cluster: node }, type_url: typeUrls.cluster })
  const failed = stream.failure.then(({ code, details }) => `${status[code]}: ${details}`)
  return await Promise.race([stream.next().then(() => 'served'), failed])
}

describe('each way in, by a real Envoy', () => {
  const ways: { way: string; access: () => Promise<Partial<XdsAccess>> }[] = [
    {
      way: 'a certificate',
      access: async () => pki.putCertificate('edge', pki.envoy('edge')),
    },
    {
      way: 'a token',
      access: async () => ({ tokenFile: pki.put('edge.token', `${await token('edge')}\n`) }),
    },
  ]
  for (const { way, access } of ways) {
    for (const watched of [false, true]) {
      test(`${way}, ${watched ? 'watched' : 'read at the start'}`, async (t) => {
        const files = { ca: join(pki.folder, 'server-ca.pem'), ...(await access()) }
        const envoy = await startTestEnvoy({
          gateway: 'edge',
          xdsPort: weir.xdsPort,
          access: {
            serverNames: ['127.0.0.1'],
            ...files,
            ...(watched && { secretsFolder: pki.watch(files) }),
          },
        })
        t.after(() => envoy.stop())
        await until('it serves', () => serves(ports.edge))
      })
    }
  }
})

describe('who is refused, and told why', () => {
  const expired = () => pki.envoy('edge', { until: -60_000 })
  const cases: { who: string; access: () => AdsAccess | Promise<AdsAccess>; told: RegExp }[] = [
    {
      who: 'another gateway’s certificate',
      access: () => pki.access(pki.envoy('other')),
      told: /^PERMISSION_DENIED: the certificate is for other, and not for gateway "edge"$/,
    },
    {
      who: 'an expired certificate',
      access: () => pki.access(expired()),
      told: /^UNAUTHENTICATED: the certificate is not accepted: CERT_HAS_EXPIRED$/,
    },
    {
      who: 'nothing',
      access: () => pki.access(),
      told: /^UNAUTHENTICATED: show a certificate or a token that says which gateways you may fetch/,
    },
    {
      who: 'a certificate that another CA signed',
      access: () => pki.access(pki.envoy('edge', { issuer: issue({ commonName: 'client CA', isCa: true }) })),
      told: /^UNAUTHENTICATED: the certificate is not accepted: /,
    },
    {
      who: 'a certificate that names no gateway',
      access: () => pki.access(pki.envoy('edge', { names: ['edge.example', '*.gateway.example'] })),
      told: /^PERMISSION_DENIED: the certificate is for no gateway, and not for gateway "edge"$/,
    },
    {
      who: 'another gateway’s token',
      access: async () => ({ ...pki.access(), token: await token('other') }),
      told: /^PERMISSION_DENIED: the token is for other, and not for gateway "edge"$/,
    },
    {
      who: 'a token that somebody changed',
      access: async () => {
        const text = await token('other')
        const [, said = '', proof] = /^weir_xds_(.*)\.(.*)$/.exec(text) ?? []
        const forged = Buffer.from(said, 'base64url').toString().replace('"other"', '"edge"')
        const changed = `weir_xds_${Buffer.from(forged).toString('base64url')}.${proof}`
        return { ...pki.access(), token: changed }
      },
      told: /^UNAUTHENTICATED: the token is not one of this weir/,
    },
    {
      who: 'the admin token',
      access: () => ({ ...pki.access(), token: weir.token }),
      told: /^UNAUTHENTICATED: the token is not one of this weir/,
    },
  ]
  for (const { who, access, told } of cases) {
    test(who, async (t) => {
      const before = await weir.metric('weir_xds_refused_total')
      assert.match(await outcome(t, await access()), told)
      assert.equal(await weir.metric('weir_xds_refused_total'), before + 1)
    })
  }

  test('a token of `weir token xds`, at a gateway that it is for', async (t) => {
    const environment = { WEIR_URL: weir.url, WEIR_ADMIN_TOKEN: weir.token }
    const args = ['token', 'xds', '-g', 'edge', '--expires', '1h', '-o', 'json']
    const { code, stdout, stderr } = await runWeir(args, { environment })
    assert.equal(code, 0, stderr)
    assert.deepEqual(JSON.parse(stdout).gateways, ['edge'])
    const access = { ...pki.access(), token: JSON.parse(stdout).token }
    assert.equal(await outcome(t, access), 'served')
    assert.match(await outcome(t, access, 'other'), /^PERMISSION_DENIED/)
  })

  test('who is for several gateways fetches each of them', async (t) => {
    const names = ['spiffe://prod.example/gateway/edge', 'other.gateway.internal']
    const access = pki.access(pki.envoy('', { names }))
    assert.equal(await outcome(t, access, 'edge'), 'served')
    assert.equal(await outcome(t, access, 'other'), 'served')
  })

  test('one without TLS does not get as far as that', async (t) => {
    assert.match(await outcome(t, {}), /^UNAVAILABLE/)
    await until('it is logged', () => /"rule":"handshake"/.test(weir.output()))
  })

  test('a real Envoy with another gateway’s certificate gets nothing, and is shown beside the gateway’s own', async (t) => {
    const files = pki.putCertificate('intruder', pki.envoy('other'))
    const access = { serverNames: ['127.0.0.1'], ca: join(pki.folder, 'server-ca.pem'), ...files }
    const envoy = await startTestEnvoy({ gateway: 'edge', id: 'intruder', xdsPort: weir.xdsPort, access })
    t.after(() => envoy.stop())
    // Envoy prints a status as it came, percent-encoded.
    await until('Envoy is told', () => /the%20certificate%20is%20for%20other,/.test(envoy.log()))
    const dump = JSON.stringify(await envoy.configDump())
    assert.doesNotMatch(dump, /edge\/http|"name":"a"/)
    const { body } = await weir.api('GET', '/v1/fleet')
    const shown = body.items.find(({ id }: { id: string }) => id === 'intruder')
    assert.deepEqual([shown.gateway, shown.state], ['edge', 'refused'])
    assert.match(weir.output(), /"rule":"gateway","gateway":"edge","node":"(?:intruder|hostile)"/)
  })
})

/*
 * Hostile clients have a certificate of the gateway `other`: who has none gets no further than that. Meanwhile an Envoy of
 * `edge` serves, and an edit is awaited until it has it.
 */
describe('what an insider of another gateway costs the others', () => {
  let envoy: TestEnvoy
  let insider: AdsAccess
  before(async () => {
    const own = pki.putCertificate('witness', pki.envoy('edge'))
    const access = { serverNames: ['127.0.0.1'], ca: join(pki.folder, 'server-ca.pem'), ...own }
    envoy = await startTestEnvoy({ gateway: 'edge', id: 'witness', xdsPort: weir.xdsPort, access })
    cleanUp.defer(envoy.stop)
    await until('it serves', () => serves(ports.edge))
    insider = pki.access(pki.envoy('other'))
  })

  /** What requests through the Envoy met while `attack` went on, and an edit that it acknowledged in the middle of it. */
  async function meanwhile<Result>(name: string, attack: () => Promise<Result>): Promise<Result> {
    const streams = async () => (await weir.api('GET', '/v1/fleet')).body.items.find(byId)?.connectedAt
    const byId = ({ id }: { id: string }) => id === 'witness'
    const before = await streams()
    let over = false
    const answers = (async () => {
      const seen = new Set<number>()
      while (!over) seen.add((await send(ports.edge, { path: '/' })).status)
      return [...seen]
    })()
    const attacked = attack()
    const { body } = await weir.apply(route(name, `/${name}`))
    assert.deepEqual(
      body.delivery.envoys
        .filter(({ state }: Record<string, string>) => state !== 'not_connected')
        .map(({ id, state }: Record<string, string>) => [id, state]),
      [['witness', 'acked']],
    )
    const result = await attacked
    over = true
    assert.deepEqual(await answers, [200])
    assert.equal(await streams(), before)
    return result
  }

  const open = (t: TestContext) => {
    const stream = openAdsStream(weir.xdsPort, 'delta', insider)
    t.after(() => stream.close())
    return stream
  }
  const node = { id: 'insider', cluster: 'other' }
  const names = (count: number) => Array.from({ length: count }, (_, n) => `certificate/${n}`)
  const ended = ({ failure }: ReturnType<typeof open>) =>
    failure.then(({ code, details }) => `${status[code]}: ${details}`)

  test('10,000 subscriptions are answered, and none of them with what is not its gateway’s', async (t) => {
    const response = await meanwhile('subscribed', async () => {
      const stream = open(t)
      stream.send({ node, type_url: typeUrls.secret, resource_names_subscribe: names(10_000) })
      return await stream.next()
    })
    const { resources = [], removed_resources: absent } = response as {
      resources?: []
      removed_resources: []
    }
    assert.deepEqual([resources.length, absent.length], [0, 10_000])
  })

  test('more names than any gateway has end the stream', async (t) => {
    const end = await meanwhile('too-many-names', () => {
      const stream = open(t)
      stream.send({ node, type_url: typeUrls.secret, resource_names_subscribe: names(50_001) })
      return ended(stream)
    })
    assert.match(end, /^RESOURCE_EXHAUSTED: resource_names_subscribe has 50001 names/)
  })

  test('a request of 64 MiB ends the stream before it is read', async (t) => {
    const before = await memoryOf(weir.pid)
    const end = await meanwhile('64-mib', () => {
      const stream = open(t)
      stream.send({ node, type_url: 'x'.repeat(64 * 2 ** 20) })
      return ended(stream)
    })
    assert.match(end, /^RESOURCE_EXHAUSTED: Received message larger than max/)
    // Whoever kept it would have it several times: in pieces, whole, and read.
    assert.ok((await memoryOf(weir.pid)) - before < 128 * 2 ** 20)
  })

  test('a flood of requests ends the stream', async (t) => {
    const end = await meanwhile('flood', () => {
      const stream = open(t)
      stream.send({ node, type_url: typeUrls.secret })
      for (let n = 0; n < 2_000; n++) stream.send({ type_url: typeUrls.secret, response_nonce: 'stale' })
      return ended(stream)
    })
    assert.match(end, /^RESOURCE_EXHAUSTED: more than 100 requests per second/)
  })

  test('a client that never reads is cut off in time', { timeout: 120_000 }, async (t) => {
    const gone = () => /"node":"deaf","reason":"the client took nothing/.test(weir.output())
    await meanwhile('never-reads', async () => {
      const { ca, own } = insider
      const tls = { ca: ca!, cert: own!.certificate, key: own!.privateKey, servername: 'weir.test' }
      const session = connectHttp2(`https://127.0.0.1:${weir.xdsPort}`, tls)
      t.after(() => session.destroy())
      session.on('error', () => {})
      // Its answer is larger than the window of a stream that nobody reads.
      const asked = { type_url: typeUrls.secret, resource_names_subscribe: names(50_000) }
      openBareStream(session, { node: { ...node, id: 'deaf' }, ...asked }).on('error', () => {})
      await until('it is there', () => /"node":"deaf","peer"/.test(weir.output()))
      if (process.env.WEIR_LONG === '1') await until('it is cut off', gone, 90)
    })
  })
})

/** Bytes that a process has in memory (proc_pid_status(5)). */
async function memoryOf(pid: number): Promise<number> {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}

test('certificates and CAs are replaced under open streams, which stay', async (t) => {
  const own = pki.putCertificate('kept', pki.envoy('edge'))
  const files = { ca: pki.put('trusted.pem', pki.serverCa.certificate), ...own }
  const access = { serverNames: ['127.0.0.1'], ...files, secretsFolder: pki.watch(files) }
  const envoy = await startTestEnvoy({ gateway: 'edge', id: 'kept', xdsPort: weir.xdsPort, access })
  t.after(() => envoy.stop())
  const connectedAt = async () => {
    const { body } = await weir.api('GET', '/v1/fleet')
    const item = body.items.find(
      ({ id, state }: Record<string, string>) => id === 'kept' && state === 'connected',
    )
    return item?.connectedAt
  }
  await until('it has joined', async () => (await connectedAt()) !== undefined)
  const first = await connectedAt()
  // Both CAs are others from now on.
  const newServerCa = issue({ commonName: 'new server CA', isCa: true })
  const newClientCa = issue({ commonName: 'new client CA', isCa: true })
  pki.put('trusted.pem', pki.serverCa.certificate + newServerCa.certificate)
  pki.putCertificate('kept', pki.envoy('edge', { issuer: newClientCa }))
  pki.put('client-ca.pem', newClientCa.certificate)
  const renewed = pki.renewServer(newServerCa)
  const serial = await handshake(weir.xdsPort).then(({ serial }) => serial)
  await until('the new certificate is served', async () => {
    return (await handshake(weir.xdsPort)).serial !== serial
  })
  await until('the new CA counts', () => /"caChanged":true/.test(weir.output()))
  await weir.apply(route('more', '/more', { gateways: ['edge', 'other'] }))
  assert.equal(await connectedAt(), first)
  const trusting = { ca: newServerCa.certificate, own: pki.envoy('edge', { issuer: newClientCa }) }
  assert.equal(await outcome(t, trusting), 'served')
  assert.match(await outcome(t, { ...trusting, own: pki.envoy('edge') }), /^UNAUTHENTICATED/)
  assert.notEqual(renewed.serial, serial)
})
