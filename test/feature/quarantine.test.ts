import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { issue } from '../support/certificate.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { readEvents } from '../support/event-client.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

/** Two gateways with one Envoy each, so that traffic tells what each of them has. */
const gateways = ['delta', 'sotw'] as const
type Gateway = (typeof gateways)[number]

let database: FreshDatabase
let environment: Record<string, string>
let weir: Weir
let other: Weir
let upstream: Upstream
let ports: Record<Gateway, number>
let envoys: Record<Gateway, TestEnvoy>

const gateway = (name: Gateway) => ({
  kind: 'Gateway',
  name,
  spec: { listeners: [{ name: 'http', port: ports[name], protocol: 'http' }] },
})
const cluster = (name: string, more: object = {}) => ({
  kind: 'Cluster',
  name,
  spec: { endpoints: [{ address: '127.0.0.1', port: upstream.port }], ...more },
})
const routeOf = (name: string, path: object, more: object) => ({
  kind: 'Route',
  name,
  spec: { gateways: [...gateways], match: { path }, ...more },
})
const respond = (name: string, body: string, path: object = { prefix: `/${name}` }) =>
  routeOf(name, path, { respond: { status: 200, body } })
const forward = (name: string, to: string, more: object = {}) =>
  routeOf(name, { prefix: `/${name}` }, { forward: [{ cluster: to }], ...more })

async function startEnvoy(name: Gateway, to: Weir): Promise<TestEnvoy> {
  return startTestEnvoy({ gateway: name, protocol: name, xdsPort: to.xdsPort, id: `${name}-1` })
}

before(async () => {
  database = await freshDatabase()
  upstream = await startUpstream('up')
  ports = { delta: await freePort(), sotw: await freePort() }
  environment = {
    DATABASE_URL: database.url,
    WEIR_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    WEIR_ADMIN_TOKEN: 'a-token-for-both-of-them',
    WEIR_RLS_ENVOY_ADDR: `127.0.0.1:${await freePort()}`,
  }
  weir = await startWeir({ environment })
  other = await startWeir({ environment })
  await weir.apply(...gateways.map(gateway), cluster('good'), respond('first', 'first'))
  envoys = { delta: await startEnvoy('delta', weir), sotw: await startEnvoy('sotw', weir) }
})

after(async () => {
  for (const name of gateways) await envoys?.[name]?.stop()
  await weir?.end()
  await other?.end()
  await upstream?.close()
  await database?.drop()
})

const answer = (name: Gateway, path: string) =>
  send(ports[name], { path }).then(
    ({ status, body }) => `${status} ${body}`.trim(),
    (error: Error) => error.message,
  )

/** Both Envoys answer so. */
async function bothAnswer(path: string, wanted: string): Promise<void> {
  for (const name of gateways) {
    let last = ''
    await until(`${name} answers ${path} with ${wanted}, not ${last}`, async () => {
      last = await answer(name, path)
      return last === wanted
    })
  }
}

interface Held {
  kind: string
  name: string
  pointer: string
  error: string
  revision: number
  inForce: number | null
}

/** Writes and waits for the fleet. */
async function write(...documents: object[]) {
  const { status, body } = await weir.api('POST', '/v1/apply?wait=acked&timeout=20s', documents)
  assert.equal(status, 200, JSON.stringify(body))
  const heldBack = (body.delivery.heldBack ?? []) as Held[]
  return { revision: body.revision as number, state: body.delivery.state as string, heldBack, body }
}

const rowsOf = (heldBack: readonly Held[]) => [
  ...new Set(heldBack.map(({ kind, name, pointer, inForce }) => `${kind}/${name} ${pointer} ${inForce}`)),
]

interface Refused {
  title: string
  /** What is written first, and is in force. */
  good(): object[]
  /** The same row in a form that weir takes and Envoy refuses. */
  bad(): object
  /** Another row of the same type, which is written together with it. */
  beside(): object[]
  kind: string
  name: string
  pointer: string
  /** Says that the row's last good form is in force; that what was written beside it is. */
  stays(): Promise<void>
  arrives(): Promise<void>
}

const ca = issue({ commonName: 'an authority', isCa: true })
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const rsaKey = publicKey.export({ format: 'jwk' })
const keySet = () => JSON.stringify({ keys: [rsaKey] })
/** OpenSSL takes an exponent of any size, and the library of Envoy does not. */
const oddKeySet = () =>
  JSON.stringify({ keys: [{ ...rsaKey, e: Buffer.alloc(300, 3).toString('base64url') }] })
const auth = (name: string, jwks: string) => ({
  kind: 'AuthPolicy',
  name,
  spec: { jwt: { issuer: `https://${name}.example`, jwks: { inline: jwks } } },
})
const trust = (name: string, crl?: string) => ({
  kind: 'Certificate',
  name,
  spec: { pem: { certificate: ca.certificate, ...(crl !== undefined && { crl }) } },
})

const refusals: Refused[] = [
  {
    title: 'a route with an expression that one RE2 knows and another does not',
    good: () => [respond('odd', 'old')],
    bad: () => respond('odd', 'new', { regex: '/odd\\p{LC}' }),
    beside: () => [respond('news', 'news')],
    ...{ kind: 'Route', name: 'odd', pointer: '/spec/match/path/regex' },
    stays: () => bothAnswer('/odd', '200 old'),
    arrives: () => bothAnswer('/news', '200 news'),
  },
  {
    title: 'a certificate of an authority with a revocation list that is none',
    good: () => [
      trust('odd-ca'),
      cluster('odd-tls', { tls: { sni: 'x', ca: 'odd-ca' } }),
      forward('odd-tls', 'odd-tls'),
    ],
    bad: () => trust('odd-ca', '-----BEGIN X509 CRL-----\nMAMCAQE=\n-----END X509 CRL-----\n'),
    beside: () => [
      trust('other-ca'),
      cluster('other', { tls: { sni: 'x', ca: 'other-ca' } }),
      forward('other', 'other'),
    ],
    ...{ kind: 'Certificate', name: 'odd-ca', pointer: '/spec/pem/crl' },
    stays: () => bothHave('odd-tls'),
    arrives: () => bothHave('other'),
  },
  {
    title: 'a policy with a key that one library of cryptography takes and another does not',
    good: () => [auth('odd-auth', keySet()), forward('odd-auth', 'good', { auth: ['odd-auth'] })],
    bad: () => auth('odd-auth', oddKeySet()),
    beside: () => [auth('more-auth', keySet()), forward('more-auth', 'good', { auth: ['more-auth'] })],
    ...{ kind: 'AuthPolicy', name: 'odd-auth', pointer: '/spec/jwt/jwks' },
    stays: () => bothRefuseTokens('/odd-auth'),
    arrives: () => bothRefuseTokens('/more-auth'),
  },
]

async function bothHave(clusterName: string): Promise<void> {
  for (const name of gateways) {
    await until(`${name} has cluster ${clusterName}`, async () => {
      const stats = await envoys[name].stats(`cluster.${clusterName}.membership_total`)
      return stats[`cluster.${clusterName}.membership_total`] === 1
    })
  }
}

async function bothRefuseTokens(path: string): Promise<void> {
  for (const name of gateways) {
    await until(`${name} asks for a token at ${path}`, async () =>
      (await answer(name, path)).startsWith('401'),
    )
  }
}

/** Everything that every Envoy of this replica was asked for is in force. */
async function allAcked(of: Weir): Promise<void> {
  await until('all types are acknowledged', async () => {
    const { items } = (await of.api('GET', '/v1/fleet')).body as {
      items: { state: string; types: Record<string, { state: string }> }[]
    }
    const live = items.filter(({ state }) => state === 'connected')
    return (
      live.length === gateways.length &&
      live.every(({ types }) => Object.values(types).every(({ state }) => state === 'acked'))
    )
  })
}

for (const each of refusals) {
  describe(each.title, () => {
    const { kind, name, pointer } = each
    const path = `/v1/${kind === 'AuthPolicy' ? 'auth-policies' : `${kind.toLowerCase()}s`}/${name}`
    let good: number
    let bad: number

    test('is held back alone: its last good form stays, and all else is in force', async (t) => {
      const first = await write(...each.good())
      assert.equal(first.state, 'acked', JSON.stringify(first.body))
      good = first.revision
      await each.stays()
      const started = performance.now()
      const { state, heldBack, revision, body } = await write(each.bad(), ...each.beside())
      bad = revision
      await each.arrives()
      t.diagnostic(`in force on every Envoy after ${Math.round(performance.now() - started)} ms`)
      await each.stays()
      assert.equal(state, 'nacked', JSON.stringify(body))
      assert.deepEqual(rowsOf(heldBack), [`${kind}/${name} ${pointer} ${good}`], JSON.stringify(heldBack))
      assert.equal(heldBack[0]!.revision, bad)
      assert.notEqual(heldBack[0]!.error, '')
      await allAcked(weir)
    })

    test('is told of on the object, in the fleet and by a metric, on every replica', async () => {
      for (const replica of [weir, other]) {
        await until(
          'the replica knows of it',
          async () => (await replica.metric('weir_quarantined_rows')) > 0,
        )
        const { heldBack } = (await replica.api('GET', '/v1/fleet')).body
        assert.deepEqual(rowsOf(heldBack), [`${kind}/${name} ${pointer} ${good}`])
        const { headers } = await replica.api('GET', path)
        const told = JSON.parse(headers.get('weir-held-back')!)
        assert.deepEqual([told.pointer, told.inForce, told.revision], [pointer, good, bad])
      }
    })

    test('is kept from Envoys that join then, also at another replica, and after a restart', async () => {
      for (const gatewayName of gateways) {
        await envoys[gatewayName].stop()
        envoys[gatewayName] = await startEnvoy(gatewayName, other)
      }
      await each.stays()
      await each.arrives()
      await allAcked(other)
      assert.equal(await other.metric('weir_xds_nacks_total'), 0)
      await weir.end()
      weir = await startWeir({ environment })
      for (const gatewayName of gateways) {
        await envoys[gatewayName].stop()
        envoys[gatewayName] = await startEnvoy(gatewayName, weir)
      }
      await each.stays()
      await each.arrives()
      await allAcked(weir)
      assert.equal(await weir.metric('weir_xds_nacks_total'), 0)
    })

    test('is free again as soon as it is mended, and nothing is left of it', async () => {
      const { state, heldBack } = await write(...each.good())
      assert.deepEqual([state, heldBack], ['acked', []])
      for (const replica of [weir, other]) {
        await until('nothing is held back', async () => (await replica.metric('weir_quarantined_rows')) === 0)
      }
      assert.equal((await weir.api('GET', path)).headers.get('weir-held-back'), null)
      await each.stays()
    })
  })
}

describe('readers of the events, at every replica', () => {
  test('see a row that is held back, and that it is released once it is mended', async (t) => {
    const { revision: first } = await write(respond('told', 'old'))
    const readers = await Promise.all(
      [weir, other].map((each) => readEvents(each, '?types=quarantined,released')),
    )
    t.after(() => {
      for (const reader of readers) reader.close()
    })
    const { revision } = await write(respond('told', 'new', { regex: '/told\\p{LC}' }))
    for (const reader of readers) await reader.event(({ type }) => type === 'quarantined')
    await write(respond('told', 'mended'))
    const same = [revision, first, '/spec/match/path/regex']
    for (const reader of readers) {
      await reader.event(({ type }) => type === 'released')
      const rows = reader.events.flatMap((event) => ('row' in event ? [event] : []))
      const told = rows.map(({ type, row }) => [type, row.revision, row.inForce, row.pointer])
      assert.deepEqual(told[0], ['quarantined', ...same])
      assert.deepEqual(told.at(-1), ['released', ...same])
    }
  })
})

describe('a new row that Envoy refuses', () => {
  test('is left out, and what depends on it answers 503', async () => {
    const policy = auth('new-auth', oddKeySet())
    const { state, heldBack } = await write(
      policy,
      forward('guarded', 'good', { auth: ['new-auth'] }),
      respond('free', 'free'),
    )
    assert.equal(state, 'nacked')
    assert.deepEqual(rowsOf(heldBack), ['AuthPolicy/new-auth /spec/jwt/jwks null'])
    await bothAnswer('/free', '200 free')
    for (const name of gateways) {
      await until('the route is closed', async () => (await answer(name, '/guarded')).startsWith('503'))
    }
    const { state: mended } = await write(auth('new-auth', keySet()))
    assert.equal(mended, 'acked')
    await bothRefuseTokens('/guarded')
  })

  test('is found among many that are written with it', async () => {
    const many = Array.from({ length: 20 }, (_, index) => respond(`many-${index}`, `${index}`))
    const bad = ['three', 'seven'].map((name) => respond(name, name, { regex: `/${name}\\p{LC}` }))
    const { state, heldBack } = await write(...many, ...bad)
    assert.equal(state, 'nacked')
    assert.deepEqual(rowsOf(heldBack).sort(), [
      'Route/seven /spec/match/path/regex null',
      'Route/three /spec/match/path/regex null',
    ])
    await bothAnswer('/many-0', '200 0')
    await bothAnswer('/many-19', '200 19')
    const { status } = await weir.api('DELETE', '/v1/routes/three?wait=acked')
    assert.equal(status, 200)
    await write(respond('seven', 'seven'))
    await bothAnswer('/seven', '200 seven')
  })

  test('is tried again when a client waits for it, and held again', async () => {
    const bad = respond('again', 'again', { regex: '/again\\p{LC}' })
    assert.equal((await write(bad)).state, 'nacked')
    const nacks = await weir.metric('weir_xds_nacks_total')
    const { state, heldBack } = await write(bad)
    assert.equal(state, 'nacked')
    assert.deepEqual(rowsOf(heldBack), ['Route/again /spec/match/path/regex null'])
    assert.ok((await weir.metric('weir_xds_nacks_total')) > nacks)
    await weir.api('DELETE', '/v1/routes/again?wait=acked')
  })
})

describe('a port that another program has', () => {
  test('is that Envoy’s own matter: nothing is held back, and it is tried again', async (t) => {
    const taken = await startUpstream('taken')
    t.after(() => taken.close().catch(() => undefined))
    const listeners = [
      ...gateway('delta').spec.listeners,
      { name: 'more', port: taken.port, protocol: 'http' },
    ]
    const { state, heldBack, body } = await write({ ...gateway('delta'), spec: { listeners } })
    assert.deepEqual([state, heldBack], ['nacked', []], JSON.stringify(body))
    await taken.close()
    const again = await write({ ...gateway('delta'), spec: { listeners } })
    assert.deepEqual([again.state, again.heldBack], ['acked', []])
    await write(gateway('delta'))
  })
})
