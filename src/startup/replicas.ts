import { join } from 'node:path'
import { startReplica } from '../local/replica.ts'
import { projectRoot } from '../project-root.ts'
import type { StartContext } from './start-context.ts'

/** Starts or adopts the rate-limit services beside that of this process; answers with their ports on 127.0.0.1. */
export async function startReplicas(
  { settings, progress, observe, shutdown }: StartContext,
  shared: {
    databaseUrl: string
    storeUrl: string | undefined
    secretKeys: readonly string[]
    adminToken: string
  },
): Promise<number[]> {
  const { dataDir, replicas, counters, logLevel, rlsTransport } = settings
  const { databaseUrl, storeUrl, secretKeys, adminToken } = shared
  if (replicas === 1 || storeUrl === undefined || counters.kind === 'memory') return []
  const [key, ...previous] = secretKeys
  const { timeoutMs } = counters
  const start = async (index: number) => {
    const name = `replica-${index}`
    const replicaDir = join(dataDir, name)
    const replica = await startReplica({
      ...{ name, dataDir, replicaDir, observe, signal: shutdown.signal },
      command: [process.execPath, join(projectRoot, 'bin', 'weir'), 'serve'],
      environment: environmentOfOthers(),
      settingsFor: (port) => ({
        DATABASE_URL: databaseUrl,
        REDIS_URL: storeUrl,
        WEIR_SECRET_KEY: key!,
        WEIR_SECRET_KEY_PREVIOUS: previous.join(),
        WEIR_ADMIN_TOKEN: adminToken,
        WEIR_ROLES: 'ratelimit',
        WEIR_RLS_ADDR: `127.0.0.1:${port}`,
        WEIR_RLS_TRANSPORT: rlsTransport,
        WEIR_ADMIN_ADDR: '127.0.0.1:0',
        WEIR_DATA_DIR: replicaDir,
        WEIR_STORE_TIMEOUT: `${timeoutMs}ms`,
        WEIR_DRAIN_DELAY: '0s',
        WEIR_LOG_LEVEL: logLevel,
      }),
    })
    shutdown.add(name, replica.stop)
    return replica
  }
  return progress.step('Replicas', async () => {
    // `replica-1` is this process.
    const started = await Promise.all(Array.from({ length: replicas - 1 }, (_, index) => start(index + 2)))
    const ports = started.map(({ port }) => port)
    const detail = `rate-limit services on ${ports.map((port) => `127.0.0.1:${port}`).join(', ')}`
    return { result: ports, detail }
  })
}

/** What Node, PostgreSQL’s client and TLS may look at. */
function environmentOfOthers(): Record<string, string> {
  const ours = /^(WEIR_|DATABASE_URL$|REDIS_URL$|ENVOY_BIN$|VALKEY_BIN$)/
  const rest = Object.entries(process.env).filter(([name]) => !ours.test(name))
  return Object.fromEntries(rest) as Record<string, string>
}
