import { bootstrap } from '../bootstrap/bootstrap.ts'
import { envoyProgram } from '../local/envoy-binary.ts'
import { createLocalEnvoys, type LocalEnvoys } from '../local/local-envoys.ts'
import { startPostgres } from '../local/postgres.ts'
import { ensureProgram } from '../local/program.ts'
import { startValkey } from '../local/valkey.ts'
import { valkeyProgram } from '../local/valkey-binary.ts'
import { isWildcard } from '../settings/address.ts'
import type { StartContext } from './start-context.ts'

/**
 * How long local Envoys may finish the requests that they have, the delay of a stop included; with all else a stop stays
 * below 15 s.
 */
const drainMs = 6_000
const shortestDrainMs = 1_000

/** Starts or adopts the embedded PostgreSQL; answers with its URL. */
export function startEmbeddedPostgres({
  settings,
  progress,
  observe,
  shutdown,
}: StartContext): Promise<string> {
  return progress.step('PostgreSQL', async () => {
    const { dataDir } = settings
    const postgres = await startPostgres({ dataDir, observe, signal: shutdown.signal })
    shutdown.add('PostgreSQL', postgres.stop)
    const { host } = new URL(postgres.url)
    return { result: postgres.url, detail: `${postgres.adopted ? 'adopted' : 'started'} on ${host}` }
  })
}

/** Starts or adopts the embedded Valkey, found or installed; answers with its URL. */
export function startEmbeddedValkey({
  settings,
  progress,
  observe,
  shutdown,
}: StartContext): Promise<string> {
  return progress.step('Valkey', async () => {
    const { dataDir, valkeyBin } = settings
    const { signal } = shutdown
    const { path, version } = await ensureProgram(valkeyProgram, {
      ...{ given: valkeyBin, path: process.env.PATH, dataDir, observe, signal },
    })
    const valkey = await startValkey({ dataDir, binary: path, observe, signal })
    shutdown.add('Valkey', valkey.stop)
    const { host } = new URL(valkey.url)
    return { result: valkey.url, detail: `${version} ${valkey.adopted ? 'adopted' : 'started'} on ${host}` }
  })
}

/** Finds or installs Envoy; answers with the binary's path. */
export function findLocalEnvoy({ settings, progress, observe, shutdown }: StartContext): Promise<string> {
  return progress.step('Envoy binary', async () => {
    const { envoyBin, dataDir } = settings
    const found = await ensureProgram(envoyProgram, {
      given: envoyBin,
      path: process.env.PATH,
      dataDir,
      observe,
      signal: shutdown.signal,
    })
    return { result: found.path, detail: `${found.version} at ${found.path}` }
  })
}

/** The node id of the Envoy that weir runs for a gateway. */
export function localEnvoyId(gateway: string): string {
  return `${gateway}-local`
}

/** One Envoy a gateway, which joins the xDS server on this machine. */
export function superviseEnvoys(start: StartContext, binary: string, xdsPort: number): LocalEnvoys {
  const { settings, observe } = start
  const host = isWildcard(settings.xdsAddr.host) ? '127.0.0.1' : settings.xdsAddr.host
  const envoys = createLocalEnvoys({
    binary,
    dataDir: settings.dataDir,
    observe,
    drainMs: Math.max(shortestDrainMs, drainMs - settings.drainDelayMs),
    bootstrapFor: (gateway) =>
      JSON.stringify(
        bootstrap({
          protocol: 'delta',
          gateway,
          id: localEnvoyId(gateway),
          labels: {},
          addresses: [],
          xds: [{ host, port: xdsPort }],
          adminPort: 0,
        }),
      ),
  })
  return envoys
}
