import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './ports.ts'
import { until } from './until.ts'
import { startValkey, type Valkey } from './valkey.ts'

export interface WatchedValkey {
  primary: Valkey
  replica: Valkey
  url: string
  /** Has the replica take over, as an operator would; waits until the primary follows it. */
  failover(): Promise<void>
  stop(): Promise<void>
}

/** A primary, a replica of it, and one Sentinel that watches both. */
export async function startWatchedValkey(name = 'counters'): Promise<WatchedValkey> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-sentinel-'))
  // What one that follows is sent stays in its memory: nobody starts with it.
  const both = ['--dir', dir, '--repl-diskless-sync-delay', '0', '--repl-diskless-load', 'swapdb']
  const primary = await startValkey(both)
  const replica = await startValkey([...both, '--replicaof', '127.0.0.1', String(primary.port)])
  const port = await freePort()
  const file = join(dir, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${name} 127.0.0.1 ${primary.port} 1`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 3000`,
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = spawn(process.env.VALKEY_BIN!, [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const chunk of child.stdout) if (String(chunk).includes('+monitor')) break
  child.stdout.resume()
  const client = new Redis({ host: '127.0.0.1', port })
  client.on('error', () => undefined)
  await until('the Sentinel knows the replica', async () => {
    const replicas = (await client.call('SENTINEL', 'REPLICAS', name)) as string[][]
    return replicas.length === 1 && isUp(replicas[0]!)
  })
  return {
    primary,
    replica,
    url: `redis+sentinel://127.0.0.1:${port}/${name}`,
    async failover() {
      await client.call('SENTINEL', 'FAILOVER', name)
      await until('the primary follows', () => follows(primary))
    },
    async stop() {
      client.disconnect()
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await Promise.all([ended, primary.stop(), replica.stop()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function follows({ port }: Valkey): Promise<boolean> {
  const client = new Redis({ host: '127.0.0.1', port })
  client.on('error', () => undefined)
  try {
    return /master_link_status:up/.test(await client.info('replication'))
  } finally {
    client.disconnect()
  }
}

/** A list of names and values. */
function isUp(replica: readonly string[]): boolean {
  const fieldOf = (name: string) => replica[replica.indexOf(name) + 1]
  return fieldOf('flags') === 'slave' && fieldOf('master-link-status') === 'ok'
}
