import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { countingTogether } from '../support/counting-together.ts'
import { cluster, gateway, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { weir as run } from '../support/run-weir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'
import { type Answer, startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let valkey: Valkey
let upstream: Upstream
let envoy: TestEnvoy
/** The one that is written to. */
let weir: Weir
/** A rate-limit service alone. */
let replica: Weir
let environment: Record<string, string>

before(async () => {
  database = await freshDatabase()
  valkey = await startValkey()
  upstream = await startUpstream('a')
  environment = {
    DATABASE_URL: database.url,
    REDIS_URL: `redis://127.0.0.1:${valkey.port}`,
    WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
    WEIR_STORE_TIMEOUT: '1s',
  }
  weir = await startWeir({ environment })
  replica = await startWeir({ environment: { ...environment, WEIR_ROLES: 'ratelimit' } })
  await weir.apply(gateway(await freePort(), {}), cluster('a', upstream), policy(1), limited)
  envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort })
  for (const each of [weir, replica]) await countingTogether(each, 2)
})
after(async () => {
  await envoy?.stop()
  for (const each of [replica, weir]) await each?.end()
  await upstream?.close()
  await valkey?.stop()
  await database?.drop()
})

const limited = route('limited', '/', { rateLimits: ['all'] })

const policy = (limit: number) => ({
  kind: 'RateLimitPolicy',
  name: 'all',
  spec: { algorithm: 'fixed_window', limit, window: '24h', key: [{ constant: 'all' }] },
})

const write = (limit: number, timeout: string): Promise<Answer> =>
  weir.api('PUT', `/v1/rate-limit-policies/all?wait=acked&timeout=${timeout}`, policy(limit))

const nameOf = ({ rlsPort }: Weir) => `127.0.0.1:${rlsPort} on `

/** By port, whether each service that was waited for answers by the revision. */
function services({ body }: Answer): Record<string, string> {
  const list = body.delivery.replicas as { name: string; state: string; revision: number }[]
  for (const { state, revision } of list) assert.equal(state === 'acked', revision >= body.revision)
  return Object.fromEntries(list.map(({ name, state }) => [name.slice(0, name.indexOf(' on ') + 4), state]))
}

test('a write that is acked is in force at every rate-limit service', async () => {
  for (let limit = 2; limit < 12; limit++) {
    const answer = await write(limit, '30s')
    assert.equal(answer.status, 200)
    assert.equal(answer.body.delivery.state, 'acked')
    assert.deepEqual(services(answer), { [nameOf(weir)]: 'acked', [nameOf(replica)]: 'acked' })
    assert.equal(await replica.metric('weir_revision'), answer.body.revision)
  }
})

test('one that is held back is named, waited for, and given up once it is dead', async () => {
  process.kill(replica.pid, 'SIGSTOP')
  const held = await write(100, '500ms')
  assert.equal(held.status, 202)
  assert.equal(held.body.delivery.state, 'pending')
  assert.deepEqual(
    held.body.delivery.envoys.map(({ state }: { state: string }) => state),
    ['acked'],
  )
  assert.deepEqual(services(held), { [nameOf(weir)]: 'acked', [nameOf(replica)]: 'pending' })

  const told = await run(
    ['rollback', String(held.body.revision - 1), '--yes', '--wait', '--timeout', '500ms'],
    {
      environment: { WEIR_URL: weir.url, WEIR_ADMIN_TOKEN: weir.token },
    },
  )
  assert.equal(told.code, 1)
  assert.match(
    told.stderr,
    new RegExp(`the rate-limit service ${nameOf(replica)}\\S+ did not come to it within 500ms`),
  )

  const waiting = write(101, '30s')
  process.kill(replica.pid, 'SIGCONT')
  const answer = await waiting
  assert.equal(answer.status, 200)
  assert.deepEqual(services(answer), { [nameOf(weir)]: 'acked', [nameOf(replica)]: 'acked' })

  await replica.end('SIGKILL')
  const dead = await write(102, '100ms')
  assert.equal(dead.status, 202)
  assert.deepEqual(services(dead), { [nameOf(weir)]: 'acked', [nameOf(replica)]: 'pending' })
  const without = await write(103, '60s')
  assert.equal(without.status, 200)
  assert.deepEqual(services(without), { [nameOf(weir)]: 'acked' })
})

test('one that stops in order is not waited for, and one that starts in its place is', async () => {
  const port = await freePort()
  const start = () =>
    startWeir({
      environment: { ...environment, WEIR_ROLES: 'ratelimit', WEIR_RLS_ADDR: `127.0.0.1:${port}` },
    })
  const first = await start()
  assert.deepEqual(services(await write(200, '30s')), { [nameOf(weir)]: 'acked', [nameOf(first)]: 'acked' })
  await first.end()
  assert.deepEqual(services(await write(201, '1s')), { [nameOf(weir)]: 'acked' })
  const second = await start()
  await second.end('SIGKILL')
  const third = await start()
  try {
    const answer = await write(202, '30s')
    assert.deepEqual(services(answer), { [nameOf(weir)]: 'acked', [nameOf(third)]: 'acked' })
    assert.equal(await third.metric('weir_revision'), answer.body.revision)
  } finally {
    await third.end()
  }
})
