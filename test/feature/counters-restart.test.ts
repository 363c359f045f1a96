import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { rateLimitClient } from '../support/rate-limit-client.ts'
import { descriptor, header } from '../support/rate-limit-service.ts'
import { until } from '../support/until.ts'
import { startWeir, type Weir } from '../support/weir.ts'

describe('counters and a restart of weir', () => {
  let database: FreshDatabase
  let dataDir: string
  let weir: Weir | undefined

  async function start(more: Record<string, string> = {}): Promise<Weir> {
    const started = await startWeir({ dataDir, environment: { DATABASE_URL: database.url, ...more } })
    await until('the limits are loaded', async () => (await started.api('GET', '/readyz')).status === 200)
    return started
  }

  const snapshot = () => existsSync(join(dataDir, 'counters.snapshot'))

  /** What is left of a key's limit after one more request. */
  async function left(policy: string): Promise<string | undefined> {
    const client = rateLimitClient(weir!.rlsPort)
    const answer = await client.ask({
      domain: 'edge',
      descriptors: [descriptor(policy, { 'header:x-tenant': 'acme' })],
    })
    client.close()
    return header(answer, 'RateLimit')?.match(/r=(\d+)/)?.[1]
  }

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'weir-restart-'))
    database = await freshDatabase()
    weir = await start()
    const key = [{ header: 'x-tenant' }]
    await weir.apply(
      {
        ...{ kind: 'RateLimitPolicy', name: 'windows' },
        spec: { algorithm: 'fixed_window', limit: 100, window: '1000h', key },
      },
      {
        ...{ kind: 'RateLimitPolicy', name: 'bucket' },
        spec: { algorithm: 'token_bucket', capacity: 100, refill: { tokens: 1, every: '1000h' }, key },
      },
    )
  })
  after(async () => {
    await weir?.end()
    await database?.drop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  test('an orderly one keeps them, and what was kept is used once', async () => {
    assert.deepEqual([await left('windows'), await left('windows'), await left('bucket')], ['99', '98', '99'])
    assert.equal(snapshot(), false)
    assert.equal(await weir!.end(), 0)
    assert.equal(snapshot(), true)
    weir = await start()
    assert.equal(snapshot(), false)
    assert.match(weir.output(), /"result":"restored","counters":2,"expired":0,"refused":0/)
    assert.deepEqual([await left('windows'), await left('bucket')], ['97', '98'])
  })

  test('edits that a counter has not seen are not lost, nor one that comes with the start', async () => {
    const key = [{ header: 'x-tenant' }]
    const token = (name: string) => ({
      ...{ kind: 'RateLimitPolicy', name },
      spec: { algorithm: 'token_bucket', capacity: 100, refill: { tokens: 1, every: '1000h' }, key },
    })
    await weir!.apply(token('windows'))
    await weir!.end()
    weir = await start()
    assert.equal(await left('windows'), '96')
    await weir.end()
    writeFileSync(
      join(dataDir, 'change.json'),
      JSON.stringify({
        ...{ kind: 'RateLimitPolicy', name: 'bucket' },
        spec: { algorithm: 'fixed_window', limit: 100, window: '1000h', key },
      }),
    )
    weir = await start({ WEIR_CONFIG: join(dataDir, 'change.json') })
    assert.equal(await left('bucket'), '97')
  })

  test('a crash forgets them', async () => {
    await weir!.end('SIGKILL')
    weir = await start()
    assert.deepEqual([await left('windows'), await left('bucket')], ['99', '99'])
  })
})
