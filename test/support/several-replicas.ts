import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './ports.ts'
import { startWeir, type Weir } from './weir.ts'

export interface SeveralReplicas {
  /** Those that run; one that was killed stays until it is started again. */
  readonly weirs: Weir[]
  readonly xdsPorts: readonly number[]
  /** As receipts and the fleet name a replica. */
  nameOf(index: number): RegExp
  start(index: number): Promise<void>
  stop(): Promise<void>
}

/**
 * Weirs that share a database, or ways to one (`urls`: one for each), and all that replicas have in common. Each is started
 * again at the ports that it had.
 */
export async function startSeveralReplicas(
  urls: readonly string[],
  more: Record<string, string> = {},
): Promise<SeveralReplicas> {
  const address = async () => `127.0.0.1:${await freePort()}`
  const services = await Promise.all(urls.map(address))
  const shared = {
    WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
    WEIR_ADMIN_TOKEN: 'a-token-of-the-test',
    WEIR_RLS_ENVOY_ADDR: services.join(),
    ...more,
  }
  const settings = await Promise.all(
    urls.map(async (url, index) => ({
      dataDir: mkdtempSync(join(tmpdir(), 'weir-replica-')),
      environment: {
        ...shared,
        DATABASE_URL: url,
        WEIR_ADMIN_ADDR: await address(),
        WEIR_XDS_ADDR: await address(),
        WEIR_RLS_ADDR: services[index]!,
      },
    })),
  )
  const weirs = await Promise.all(settings.map((each) => startWeir(each)))
  return {
    weirs,
    xdsPorts: weirs.map(({ xdsPort }) => xdsPort),
    nameOf: (index) => new RegExp(`^127\\.0\\.0\\.1:${weirs[index]!.xdsPort} on `),
    async start(index) {
      weirs[index] = await startWeir(settings[index])
    },
    async stop() {
      for (const weir of weirs) await weir.end('SIGKILL')
      for (const { dataDir } of settings) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
