import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { get, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { projectRoot } from '../../src/project-root.ts'
import { type Balancer, startBalancer } from '../support/balancer/balancer.ts'
import { cluster, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { type Load, startLoad } from '../support/load/load.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const execute = promisify(execFile)
const isLong = process.env.WEIR_LONG === '1'
const { rounds, ratePerSecond, downloadMs } = isLong
  ? { rounds: 5, ratePerSecond: 500, downloadMs: 5_000 }
  : { rounds: 1, ratePerSecond: 100, downloadMs: 2_000 }

const chunk = 'x'.repeat(1_000)
const chunkEveryMs = 100
const chunks = downloadMs / chunkEveryMs

/** Those that nothing may fail of, whatever is restarted. */
const kinds = { keptAlive: 1, http2: 1, newConnection: 1 }

const secretKey = randomBytes(32).toString('base64')

let upstream: Upstream
before(async () => {
  upstream = await startUpstream('a', (response, { url }) => {
    if (url !== '/slow') response.end('done')
    else void trickle(response)
  })
})
after(() => upstream?.close())

async function trickle(response: ServerResponse): Promise<void> {
  for (let sent = 0; sent < chunks; sent++) {
    response.write(chunk)
    await delay(chunkEveryMs)
  }
  response.end()
}

interface Download {
  clientPort: number
  /** Bytes of it, once it is complete. */
  whole: Promise<number>
}

async function download(port: number): Promise<Download> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/slow', agent: false }, resolve).once('error', reject)
  })
  const whole = (async () => {
    let bytes = 0
    for await (const part of response) bytes += (part as Buffer).length
    return bytes
  })()
  whole.catch(() => {}) // It is looked at when the restart is over.
  return { clientPort: response.socket.localPort!, whole }
}

async function assertNoneFailed(loads: Load[]): Promise<void> {
  for (const load of loads) {
    const { sent, statuses, failures } = await load.stop()
    assert.deepEqual(failures, [])
    assert.deepEqual(statuses, { 200: sent })
  }
}

/** What replicas have in common. */
const replicaSettings = (database: FreshDatabase) => ({
  DATABASE_URL: database.url,
  WEIR_SECRET_KEY: secretKey,
  WEIR_ADMIN_TOKEN: 'a-token-of-the-test',
})

const gateway = (port: number) => ({
  kind: 'Gateway',
  name: 'edge',
  spec: {
    listeners: [{ name: 'http', port, protocol: 'http' }],
    // A machine on which a weir and a test start may be late; what is looked for is what gets no answer at all.
    rateLimitService: { timeout: '2s' },
  },
})

// Each has a rate of its own; what they wait for is not the processor.
describe('rolling restarts', { concurrency: !isLong }, () => {
  describe('Envoys that are restarted one after the other, behind a TCP balancer', () => {
    /** Two Envoys of one gateway have one port here, so that each has an address of its own: that of its replica. */
    const hosts = ['127.0.0.1', '127.0.0.2']
    let database: FreshDatabase
    let listenerPort: number
    let healthPort: number
    let weirs: Weir[]
    let envoys: TestEnvoy[]
    let balancer: Balancer

    const startMember = (index: number) =>
      startTestEnvoy({
        gateway: 'edge',
        id: `edge-${index}`,
        xdsPort: weirs[index]!.xdsPort,
        health: { host: hosts[index]!, port: healthPort },
        drainSeconds: 600,
      })

    before(async () => {
      database = await freshDatabase()
      ;[listenerPort, healthPort] = [await freePort(), await freePort()]
      weirs = await Promise.all(
        hosts.map((host) =>
          startWeir({ environment: { ...replicaSettings(database), WEIR_LISTENER_ADDRESS: host } }),
        ),
      )
      await weirs[0]!.apply(gateway(listenerPort), cluster('a', upstream), route('all', '/'))
      envoys = await Promise.all(hosts.map((_, index) => startMember(index)))
      balancer = await startBalancer(
        hosts.map((host) => ({
          name: host,
          address: { host, port: listenerPort },
          health: { host, port: healthPort },
        })),
      )
      await until('both are ready', async () => (await balancer.ready()).length === 2)
    })
    after(async () => {
      await balancer?.close()
      for (const envoy of envoys ?? []) await envoy.stop()
      for (const weir of weirs ?? []) await weir.end()
      await database?.drop()
    })

    async function downloadThrough(host: string): Promise<Download> {
      for (;;) {
        const started = await download(balancer.port)
        if ((await balancer.memberOf(started.clientPort)) === host) return started
      }
    }

    test('no request fails, and no download is cut', async () => {
      const load = await startLoad({ port: balancer.port, ratePerSecond, path: '/', kinds })
      for (let round = 0; round < rounds; round++) {
        for (const [index, host] of hosts.entries()) {
          const { whole } = await downloadThrough(host)
          const envoy = envoys[index]!
          // As the container of an Envoy does it: 20 s at most, and a second in which balancers see that it is not ready.
          const drain = join(projectRoot, 'deploy/envoy/drain.sh')
          await execute('bash', [drain, String(envoy.adminPort), '20', '1'])
          assert.deepEqual(await balancer.ready(), [hosts[1 - index]])
          await envoy.stop()
          assert.equal(await whole, chunks * chunk.length)
          envoys[index] = await startMember(index)
          await until(`${host} is ready again`, async () => (await balancer.ready()).length === 2)
        }
      }
      await assertNoneFailed([load])
    })
  })

  describe('replicas of weir that are restarted one after the other', () => {
    let database: FreshDatabase
    let listenerPort: number
    let weirs: Weir[]
    let settings: Parameters<typeof startWeir>[0][]
    let envoys: TestEnvoy[]

    before(async () => {
      database = await freshDatabase()
      listenerPort = await freePort()
      const ports = async () => ({ xds: await freePort(), rls: await freePort(), admin: await freePort() })
      const replicas = [await ports(), await ports()]
      settings = replicas.map(({ xds, rls, admin }) => ({
        dataDir: mkdtempSync(join(tmpdir(), 'weir-replica-')),
        environment: {
          ...replicaSettings(database),
          WEIR_XDS_ADDR: `127.0.0.1:${xds}`,
          WEIR_RLS_ADDR: `127.0.0.1:${rls}`,
          WEIR_ADMIN_ADDR: `127.0.0.1:${admin}`,
          WEIR_RLS_ENVOY_ADDR: replicas.map((each) => `127.0.0.1:${each.rls}`).join(),
          // Envoy asks each second whether a replica wants to be asked.
          WEIR_DRAIN_DELAY: '1500ms',
        },
      }))
      weirs = await Promise.all(settings.map((each) => startWeir(each)))
      const policy = {
        algorithm: 'sliding_window',
        limit: 1_000_000,
        window: '1h',
        key: [{ client_ip: true }],
      }
      await weirs[0]!.apply(
        gateway(listenerPort),
        cluster('a', upstream),
        route('all', '/'),
        { kind: 'RateLimitPolicy', name: 'many', spec: policy },
        route('limited', '/limited', { rateLimits: ['many'] }),
      )
      // They share the port: the kernel spreads the connections.
      envoys = await Promise.all(
        [0, 1].map((index) =>
          startTestEnvoy({
            gateway: 'edge',
            id: `edge-${index}`,
            xdsPort: weirs[index]!.xdsPort,
            moreXdsPorts: [weirs[1 - index]!.xdsPort],
            drainSeconds: 600,
          }),
        ),
      )
      for (const envoy of envoys) await until(`${envoy.id} serves`, () => isServed(envoy, 'limited'))
      for (const envoy of envoys) {
        const healthy = async () =>
          (await envoy.stats('cluster.weir_ratelimit.membership_healthy'))[
            'cluster.weir_ratelimit.membership_healthy'
          ] === 2
        await until(`${envoy.id} has found both rate-limit services`, healthy)
      }
    })
    after(async () => {
      for (const envoy of envoys ?? []) await envoy.stop()
      for (const weir of weirs ?? []) await weir.end('SIGKILL')
      for (const each of settings ?? []) rmSync(each!.dataDir!, { recursive: true, force: true })
      await database?.drop()
    })

    async function isServed(envoy: TestEnvoy, name: string): Promise<boolean> {
      return JSON.stringify(await envoy.configDump()).includes(`"name":"${name}"`)
    }

    async function ratelimitStats(): Promise<Record<string, number>> {
      const sums = { ok: 0, error: 0, failure_mode_allowed: 0 }
      for (const envoy of envoys) {
        const stats = await envoy.stats('cluster.a.ratelimit')
        for (const name of Object.keys(sums) as (keyof typeof sums)[])
          sums[name] += stats[`cluster.a.ratelimit.${name}`] ?? 0
      }
      return sums
    }

    test('no request fails, none passes undecided, and what is written meanwhile arrives', async () => {
      const shared = { port: listenerPort, kinds, ratePerSecond: ratePerSecond / 2 }
      const loads = await Promise.all([
        startLoad({ ...shared, path: '/' }),
        startLoad({ ...shared, path: '/limited' }),
      ])
      for (let round = 0; round < rounds; round++) {
        for (const index of [0, 1] as const) {
          const other = weirs[1 - index]!
          const ended = weirs[index]!.end()
          const write = (name: string) => other.api('PUT', `/v1/routes/${name}`, route(name, `/${name}`))
          const written = [`draining-${round}-${index}`, `away-${round}-${index}`, `back-${round}-${index}`]
          await write(written[0]!)
          await ended
          await write(written[1]!)
          weirs[index] = await startWeir(settings[index])
          await write(written[2]!)
          for (const envoy of envoys) {
            for (const name of written) await until(`${envoy.id} has ${name}`, () => isServed(envoy, name))
          }
        }
      }
      await assertNoneFailed(loads)
      const { ok, ...others } = await ratelimitStats()
      assert.ok(ok! > 100)
      assert.deepEqual(others, { error: 0, failure_mode_allowed: 0 })
    })
  })
})
