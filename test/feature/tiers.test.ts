import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { removePostgresData } from '../../src/local/postgres.ts'
import { send } from '../support/http.ts'
import { startLoad } from '../support/load/load.ts'
import { freePort } from '../support/ports.ts'
import { status, tiers, until } from '../support/tiers.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

describe('two gateways under weir up', () => {
  let upstream: Upstream
  let dataDir: string
  let weir: Weir
  let setup: Awaited<ReturnType<typeof tiers>>
  let environment: Record<string, string>
  const start = () => startWeir({ command: 'up', dataDir, environment })

  before(async () => {
    upstream = await startUpstream('orders')
    setup = await tiers(upstream)
    dataDir = mkdtempSync(join(tmpdir(), 'weir-tiers-'))
    environment = {
      ...{ WEIR_CONFIG: '', WEIR_ADMIN_ADDR: `127.0.0.1:${await freePort()}` },
      WEIR_XDS_ADDR: `127.0.0.1:${await freePort()}`,
      WEIR_RLS_ADDR: `127.0.0.1:${await freePort()}`,
    }
    weir = await start()
  })
  after(async () => {
    await weir?.end()
    await upstream?.close()
    removePostgresData(dataDir)
    rmSync(dataDir, { recursive: true, force: true })
  })

  test('a request through the edge reaches the upstream behind the internal gateway', async () => {
    const { body } = await weir.apply(...setup.documents)
    assert.deepEqual(body.warnings, [])
    await until(async () => (await status(setup.ports.edge)) === 200)
    const { upstream: answered } = await send(setup.ports.edge, { path: '/orders/7' })
    assert.equal(answered, 'orders')
    assert.equal(upstream.seen.at(-1)!.url, '/orders/7')
  })

  test('no request fails while weir is killed and started again', async () => {
    const load = await startLoad({ port: setup.ports.edge, path: '/', ratePerSecond: 200 })
    const arrived = (more: number, from = upstream.seen.length) =>
      until(() => upstream.seen.length >= from + more)
    await arrived(50)
    await weir.end('SIGKILL')
    await arrived(50)
    weir = await start()
    await arrived(100)
    assert.deepEqual((await load.stop()).failures, [])
  })

  test('a listener that moves to another port is followed, and the write waits for the edge', async () => {
    const port = await freePort()
    const { body } = await weir.apply(setup.gateway('internal', port))
    assert.deepEqual(body.delivery.envoys.map(({ gateway }: { gateway: string }) => gateway).sort(), [
      ...['edge', 'internal'],
    ])
    await until(async () => (await status(setup.ports.edge)) === 200)
  })
})
