import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { countingTogether } from '../support/counting-together.ts'
import { cluster, gateway, route } from '../support/edge.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { rateLimitClient } from '../support/rate-limit-client.ts'
import { weir as run } from '../support/run-weir.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let valkey: Valkey
/** A rate-limit service alone, and the rest of weir. */
let service: Weir
let control: Weir

before(async () => {
  database = await freshDatabase()
  valkey = await startValkey()
  const shared = {
    DATABASE_URL: database.url,
    REDIS_URL: `redis://127.0.0.1:${valkey.port}`,
    WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
    WEIR_STORE_TIMEOUT: '1s',
  }
  service = await startWeir({ environment: { ...shared, WEIR_ROLES: 'ratelimit' } })
  const roles = { WEIR_ROLES: 'admin,xds', WEIR_RLS_ENVOY_ADDR: `127.0.0.1:${service.rlsPort}` }
  control = await startWeir({ environment: { ...shared, ...roles } })
  await countingTogether(service, 1)
  await control.apply(
    gateway(await freePort(), {}),
    cluster('a', { port: 1 }),
    {
      kind: 'RateLimitPolicy',
      name: 'all',
      spec: { algorithm: 'fixed_window', limit: 3, window: '24h', key: [{ constant: 'all' }] },
    },
    route('limited', '/', { rateLimits: ['all'] }),
  )
})
after(async () => {
  for (const weir of [control, service]) await weir?.end()
  await valkey?.stop()
  await database?.drop()
})

/** A request to the control plane, with JSON. */
async function call(method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${control.token}`, 'content-type': 'application/json' }
  const sent =
    body === undefined
      ? { headers: { authorization: headers.authorization } }
      : { headers, body: JSON.stringify(body) }
  const answer = await fetch(control.url + path, { method, ...sent })
  // biome-ignore lint/suspicious/noExplicitAny: it looks into answers of every shape.
  return { status: answer.status, body: (await answer.json()) as any }
}

test('a replica without the key of the others does not start: it would count by itself', async () => {
  const environment = {
    DATABASE_URL: database.url,
    REDIS_URL: `redis://127.0.0.1:${valkey.port}`,
    WEIR_DATA_DIR: mkdtempSync(`${tmpdir()}/weir-other-key-`),
    WEIR_ADMIN_ADDR: '127.0.0.1:0',
    WEIR_RLS_ADDR: '127.0.0.1:0',
    WEIR_ROLES: 'ratelimit',
  }
  const refused = async (environment: Record<string, string>) => {
    const { code, stderr } = await run(['serve'], { environment })
    assert.equal(code, 1)
    assert.match(stderr, /^weir: The key by which all replicas name counters is under .*WEIR_SECRET_KEY.*$/m)
  }
  try {
    await refused(environment)
    // Nor does one that counts in its own memory take their key away.
    const { REDIS_URL: _, WEIR_ROLES: __, ...alone } = environment
    await refused({
      ...alone,
      WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
      WEIR_XDS_ADDR: '127.0.0.1:0',
    })
    await refused(environment)
  } finally {
    rmSync(environment.WEIR_DATA_DIR, { recursive: true })
  }
})

const keys = '/v1/rate-limit-policies/all/keys'

test('a process that decides nothing reads, resets and gives back the counters of those that do', async () => {
  const explained = await call('POST', '/v1/explain', { gateway: 'edge', path: '/' })
  const [asked] = explained.body.rateLimitRequests
  const client = rateLimitClient(service.rlsPort)
  try {
    for (const descriptor of asked.descriptors)
      for (const entry of descriptor.entries) entry.value = Buffer.from(entry.value)
    for (let count = 0; count < 2; count++) assert.equal((await client.ask(asked)).overall_code, 'OK')
  } finally {
    client.close()
  }
  const { id } = explained.body.decision.limits[0].key
  const used = async (method: string, body?: object) => {
    const answer = await call(method, `${keys}/${id}`, body)
    return [answer.status, answer.body.used]
  }
  assert.deepEqual(await used('GET'), [200, 2])
  assert.deepEqual(await used('POST', { amount: 1 }), [200, 1])
  assert.deepEqual(await used('DELETE'), [200, 0])

  const list = await control.api('GET', keys)
  assert.equal(list.status, 503)
  assert.match(list.body.detail, /decides no requests/)
  const own = await service.api('GET', keys)
  assert.equal(own.status, 200)
  assert.deepEqual(
    own.body.items.map((item: { id: string }) => item.id),
    [id],
  )
  for (const weir of [control, service])
    assert.equal((await weir.api('GET', '/v1/rate-limit-policies/none/keys')).status, 404)
})
