import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { compile } from '../../src/compile/compile.ts'
import { projectRoot } from '../../src/project-root.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { documentsOf, storefrontDocuments, type Written } from '../support/example.ts'
import { send } from '../support/http.ts'
import { dumpedInForce, expectedInForce } from '../support/in-force.ts'
import { testLive } from '../support/live.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { relocated } from '../support/relocate.ts'
import { stateOf } from '../support/state-of.ts'
import { handshake } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { allEffects, expectedWarnings } from '../support/warned.ts'
import { startWeir, type Weir } from '../support/weir.ts'

interface Warned {
  kind: string
  name: string
  pointer: string
  effect: string
}

/** A weir, an Envoy of one gateway and an upstream behind each endpoint, with the documents applied. */
interface Shop {
  documents: Written[]
  weir: Weir
  envoy: TestEnvoy
  /** By the port that the documents give the endpoint. */
  upstreams: Map<number, Upstream>
  /** Where a listener is, by the port that the documents give it. */
  ports: Map<number, number>
  close(): Promise<void>
}

async function openShop(documents: readonly Written[], gateway: string): Promise<Shop> {
  const database: FreshDatabase = await freshDatabase()
  const upstreams = new Map<number, Upstream>()
  const ports = new Map<number, number>()
  const moved = await relocated(documents, async (port, kind) => {
    if (kind === 'Gateway') {
      ports.set(port, await freePort())
      return ports.get(port)!
    }
    upstreams.set(port, await startUpstream(String(port)))
    return upstreams.get(port)!.port
  })
  const weir = await startWeir({ environment: { DATABASE_URL: database.url } })
  await weir.apply(...moved)
  const envoy = await startTestEnvoy({ gateway, xdsPort: weir.xdsPort, id: `${gateway}-1` })
  await weir.apply(...moved)
  return {
    documents: moved,
    weir,
    envoy,
    upstreams,
    ports,
    async close() {
      await envoy.stop()
      await weir.end()
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()))
      await database.drop()
    },
  }
}

/** Whether anything takes connections at a port of this machine. */
function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** What holds for any configuration that is written before Envoy gets all of it. */
function holdsFor(title: string, documents: () => Written[], gateway: string): void {
  describe(`${title}, applied to an empty store`, () => {
    let database: FreshDatabase
    let weir: Weir
    before(async () => {
      database = await freshDatabase()
      weir = await startWeir({ environment: { DATABASE_URL: database.url } })
    })
    after(async () => {
      await weir?.end()
      await database?.drop()
    })

    test('creates every object, and warns of exactly the fields that Envoy does not get', async () => {
      const wanted = documents()
      const { status, body } = await weir.api('POST', '/v1/apply', wanted)
      assert.equal(status, 200, JSON.stringify(body))
      assert.deepEqual(
        body.changes,
        wanted.map(({ kind, name }) => ({ kind, name, action: 'created' })),
      )
      const told = (body.warnings as Warned[]).map(({ kind, name, pointer }) => `${kind}/${name} ${pointer}`)
      assert.deepEqual(
        // A place may have a warning of another sort, too.
        [...new Set(told)].filter((one) => expectedWarnings(wanted).includes(one)).sort(),
        expectedWarnings(wanted).sort(),
      )
    })

    test('its export changes nothing, and the documents themselves change nothing either', async () => {
      const { body: text } = await weir.api('GET', '/v1/export')
      for (const again of [text as string, documents()]) {
        const { status, body } = await weir.api('POST', '/v1/apply', again)
        assert.equal(status, 200, JSON.stringify(body))
        assert.deepEqual(
          new Set(body.changes.map(({ action }: { action: string }) => action)),
          new Set(['unchanged']),
        )
      }
    })
  })

  describe(`${title}, in an Envoy of ${gateway}`, () => {
    let shop: Shop
    before(async () => {
      shop = await openShop(documents(), gateway)
    })
    after(() => shop?.close())

    test('Envoy has exactly what is compiled, and complained of nothing', async () => {
      const { body } = await shop.weir.api('GET', '/v1/fleet')
      const [item] = body.items
      assert.equal(item.lastNack, null)
      for (const [type, { state }] of Object.entries<{ state: string }>(item.types))
        assert.equal(state, 'acked', type)
      const compiled = compile(
        stateOf(shop.documents)!,
        gateway,
        testLive({ services: { ratelimit: [{ host: '127.0.0.1', port: shop.weir.rlsPort }] } }),
      )
      assert.deepEqual(dumpedInForce((await shop.envoy.configDump()) as never), expectedInForce(compiled))
      assert.doesNotMatch(shop.envoy.log(), /\]\[(warning|error|critical)\]\[config\]/)
    })

    test('every listener is open, and one with TLS serves a certificate', async () => {
      const own = documents().find(({ kind, name }) => kind === 'Gateway' && name === gateway)!
      for (const { port, protocol } of own.spec.listeners as { port: number; protocol: string }[]) {
        await until(`${port} is open`, () => isTaken(shop.ports.get(port)!))
        if (protocol === 'http') continue
        assert.equal((await handshake(shop.ports.get(port)!)).served, 'weir placeholder')
      }
    })
  })
}

holdsFor('the bookshop of examples', storefrontDocuments, 'front')

describe('what the warnings say is true', () => {
  let shop: Shop
  before(async () => {
    shop = await openShop(storefrontDocuments(), 'front')
    const second = { address: '127.0.0.1', port: shop.upstreams.get(12_503)!.port }
    await shop.weir.apply(...more, cluster('second', { protocol: 'auto' }, second))
  })
  after(() => shop?.close())

  const route = (name: string, spec: object) => ({
    kind: 'Route',
    name,
    spec: {
      gateways: ['front'],
      match: { path: { prefix: `/${name}` } },
      forward: [{ cluster: 'catalogue' }],
      ...spec,
    },
  })
  const cluster = (name: string, spec: object, ...endpoints: object[]) => ({
    kind: 'Cluster',
    name,
    spec: { endpoints, ...spec },
  })
  const unknownParts = [{ consumer: true }, { plan: true }]
  /** What the example cannot show, since it is not guarded, limited or reached there. */
  const more = [
    {
      kind: 'RateLimitPolicy',
      name: 'three',
      spec: {
        ...{ algorithm: 'fixed_window', limit: 3, window: '1h', key: [{ header: 'x-reader' }] },
        plans: { patron: { limit: 1000 } },
        overrides: [
          { match: { consumer: { prefix: 'a' } }, limit: 1000 },
          { match: { plan: 'patron' }, limit: 1000 },
        ],
      },
    },
    route('three', { rateLimits: ['three'] }),
    ...unknownParts.map((part) => ({
      kind: 'RateLimitPolicy',
      name: `by-${Object.keys(part)[0]!.replace('_', '-')}`,
      spec: { algorithm: 'fixed_window', limit: 0, window: '1h', key: [part] },
    })),
    route('unlimited', { rateLimits: ['by-consumer', 'by-plan'] }),
    route('second', { forward: [{ cluster: 'second' }] }),
  ]

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    send(shop.ports.get(12_000)!, { path, headers, method })

  async function statuses(
    count: number,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<number[]> {
    const found = []
    for (let index = 0; index < count; index++) found.push((await get(path, headers)).status)
    return found
  }

  const guarded = async () => {
    for (const [path, method] of [
      ['/orders', 'GET'],
      ['/orders/7', 'DELETE'],
      ['/reviews', 'POST'],
    ] as const) {
      assert.equal(
        (await get(path, { 'x-api-key': 'replace-me-with-a-random-key' }, method)).status,
        503,
        path,
      )
    }
    for (const { seen } of shop.upstreams.values()) {
      assert.ok(!seen.some(({ url }) => /^\/(orders|reviews)/.test(url)))
    }
  }
  const limitedToThree = async () => {
    assert.deepEqual(await statuses(4, '/three', { 'x-reader': crypto.randomUUID() }), [200, 200, 200, 429])
  }

  const truths: Record<string, () => Promise<void>> = {
    'a self-signed placeholder is served until the certificate is given as pem': async () => {
      const port = shop.ports.get(12_443)!
      assert.equal((await handshake(port, { servername: 'books.example' })).served, 'weir placeholder')
    },
    'routes that name it answer 503': guarded,
    'no API key is accepted yet': guarded,
    'no limit asks for plans yet': limitedToThree,
    'the policy limits nothing': async () => {
      assert.deepEqual(new Set(await statuses(40, '/unlimited')), new Set([200]))
    },
    'the policy’s own numbers are in force for every plan': limitedToThree,
    'the policy’s own numbers are in force for such requests': limitedToThree,
  }

  test('there is a check of every effect that a schema names', () => {
    assert.deepEqual(Object.keys(truths).sort(), [...allEffects()].sort())
  })
  for (const [effect, check] of Object.entries(truths)) test(effect, check)
})

// The storefront that outside checks use lies beside the repository where it is handed out.
const northstar = join(projectRoot, '..', 'shared', 'northstar')
if (existsSync(join(northstar, 'storefront.yaml'))) {
  const read = (file: string) => readFileSync(join(northstar, file), 'utf8')
  holdsFor('the storefront beside the repository', () => documentsOf(read('storefront.yaml'), read), 'edge')
}
