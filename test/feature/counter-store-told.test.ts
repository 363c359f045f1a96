import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { countingTogether } from '../support/counting-together.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { weir as run } from '../support/run-weir.ts'
import { until } from '../support/until.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'
import { startWeir, type Weir } from '../support/weir.ts'

let database: FreshDatabase
let valkey: Valkey
let weir: Weir
let environment: Record<string, string>
before(async () => {
  database = await freshDatabase()
  valkey = await startValkey(['--requirepass', 'hunter2'])
  environment = {
    DATABASE_URL: database.url,
    REDIS_URL: `redis://:hunter2@127.0.0.1:${valkey.port}`,
    WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
    WEIR_STORE_TIMEOUT: '1s',
  }
  weir = await startWeir({ environment })
})
after(async () => {
  await weir?.end()
  await valkey?.stop()
  await database?.drop()
})

async function fleet(of = weir): Promise<string> {
  const { code, stdout, stderr } = await run(['fleet'], {
    environment: { WEIR_URL: of.url, WEIR_ADMIN_TOKEN: of.token },
  })
  assert.equal(code, 0, stderr)
  return stdout
}

test('one without the rate-limit service is no replica', async () => {
  const part = { WEIR_ROLES: 'admin,xds', WEIR_RLS_ENVOY_ADDR: `127.0.0.1:${weir.rlsPort}` }
  const control = await startWeir({ environment: { ...environment, ...part } })
  try {
    const told = async () => (await control.api('GET', '/v1/fleet')).body.counters
    await until('the store decides', async () => (await told()).rung === 'store')
    assert.equal((await told()).record, undefined)
    await countingTogether(weir, 1)
    const socket = connect(control.rlsPort, '127.0.0.1')
    await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' })
  } finally {
    await control.end()
  }
})

test('a clock that differs from the store’s is told', async () => {
  const ahead = 'const now = Date.now; Date.now = () => now() + 3_000'
  const shifted = await startWeir({
    environment: {
      ...environment,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ahead)}`,
    },
  })
  try {
    await countingTogether(shifted, 2)
    const { body } = await shifted.api('GET', '/readyz')
    const { nodes, warning } = body.detail.counters.clocks
    assert.equal(nodes[0].node, 'store')
    assert.ok(Math.abs(nodes[0].seconds + 3) <= nodes[0].error + 0.002, JSON.stringify(nodes))
    assert.match(warning, /^the clock of this replica is [23]\.\d{3} s .* ahead of that of the store$/)
    assert.match(await fleet(shifted), /^counters: \S+ decides, 2 replicas; the clock of this replica is /m)
    assert.match(shifted.output(), /"what":"the clock of this replica is/)
    const skew = await shifted.metric('weir_ratelimit_clock_skew_seconds', { node: 'store' })
    assert.ok(-4 < skew && skew < -2, `${skew}`)
    assert.equal((await weir.api('GET', '/readyz')).body.detail.counters.clocks.warning, undefined)
  } finally {
    await shifted.end()
  }
})

test('who decides about limits is told, and never a password', async () => {
  await countingTogether(weir, 1)
  assert.match(
    await fleet(),
    new RegExp(`^counters: redis://127.0.0.1:${valkey.port} decides, 1 replica$`, 'm'),
  )
  await valkey.stop()
  await until('the store is away', async () => {
    const { body } = await weir.api('GET', '/readyz')
    return body.detail.counters.rung === 'away'
  })
  const { body } = await weir.api('GET', '/readyz')
  assert.equal(body.ready, true)
  assert.match(body.detail.counters.why, /^the store /)
  const said = await fleet()
  assert.match(said, /^counters: policies decide by onStoreFailure for \d+ s: the store /m)
  assert.match(said, /Beyond a limit: this replica: as much again as the limit/)
  assert.equal(await weir.metric('weir_ratelimit_store_over_admission_ratio'), 1)
  assert.doesNotMatch(said + weir.output() + JSON.stringify(body), /hunter2/)
})
