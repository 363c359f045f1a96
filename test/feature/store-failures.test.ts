import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Redis } from 'ioredis'
import { type LimitedFleet, startLimitedFleet } from '../support/limited-fleet.ts'
import { goThrough, type Outage } from '../support/store-outage.ts'
import { until } from '../support/until.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'

let dir: string
let valkey: Valkey
let admin: Redis
let fleet: LimitedFleet
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-failures-'))
  valkey = await startValkey(settings())
  // One that is loading is talked to as well.
  admin = new Redis({ host: '127.0.0.1', port: valkey.port, enableReadyCheck: false })
  admin.on('error', () => undefined)
  fleet = await startLimitedFleet(`redis://127.0.0.1:${valkey.port}`)
})
after(async () => {
  await fleet?.stop()
  admin?.disconnect()
  await loading?.then((each) => each.stop())
  await valkey?.stop()
  await rm(dir, { recursive: true, force: true })
})

function settings(): string[] {
  return ['--busy-reply-threshold', '20', '--dir', dir, '--rdbcompression', 'no']
}

/** Another in the place of the one that was stopped. */
async function restart(more: readonly string[] = []): Promise<Valkey> {
  const { port } = valkey
  return { ...(await startValkey([...settings(), '--port', String(port), ...more])), port }
}

/** One that is reading its data. */
let loading: Promise<Valkey> | undefined

const outages: Outage[] = [
  {
    name: 'stopped, and empty afterwards',
    break: () => valkey.stop(),
    async mend() {
      valkey = await restart()
    },
    forgets: true,
  },
  {
    name: 'frozen (SIGSTOP)',
    break: async () => process.kill(valkey.pid, 'SIGSTOP'),
    mend: async () => process.kill(valkey.pid, 'SIGCONT'),
  },
  {
    name: 'occupied by a script (BUSY)',
    async break() {
      const client = admin.duplicate()
      client.eval('while true do end', 0).catch(() => client.disconnect())
    },
    mend: () => admin.script('KILL'),
  },
  {
    name: 'a replica (READONLY)',
    break: () => admin.replicaof('127.0.0.1', 1),
    mend: () => admin.replicaof('NO', 'ONE'),
  },
  {
    name: 'without memory (OOM)',
    break: () => admin.config('SET', 'maxmemory', '1'),
    mend: () => admin.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'without its connections, again and again',
    async break() {
      for (let cut = 0; cut < 5; cut++) {
        await until('both are connected', async () => (await replicasAt(admin)) >= 2)
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      }
    },
    isFelt: false,
  },
  {
    name: 'reading its data after a restart (LOADING)',
    async break() {
      // It answers between two kilobytes.
      await admin.call('EVAL', "for i = 1, 500 do redis.call('SET', i, string.rep('x', 1024)) end", '0')
      await admin.save()
      await valkey.stop()
      loading = restart(['--key-load-delay', '20000', '--loading-process-events-interval-bytes', '1024'])
      await until('it is loading', () =>
        admin.get('1').then(
          () => false,
          (error) => /LOADING/.test(String(error)),
        ),
      )
    },
    async mend() {
      await admin.config('SET', 'key-load-delay', '0')
      valkey = await loading!
    },
    forgets: true,
  },
]

/** Connections of weirs. */
async function replicasAt(client: Redis): Promise<number> {
  const list = (await client.client('LIST')) as string
  return list.split('\n').filter((line) => / name=weir /.test(line)).length
}

describe('the store fails under load: nobody waits or is failed, limits hold, and are exact again', () => {
  for (const outage of outages) test(outage.name, (t) => goThrough(t, fleet, outage))

  test('Envoy had a decision for each request', async () => {
    await fleet.load.stop()
    const stats = await fleet.envoy.stats('cluster.a.ratelimit')
    assert.equal(stats['cluster.a.ratelimit.error'] ?? 0, 0)
    assert.equal(stats['cluster.a.ratelimit.failure_mode_allowed'] ?? 0, 0)
    assert.equal(fleet.load.asked.filter(({ status }) => status === 200).length, fleet.admitted())
  })
})
