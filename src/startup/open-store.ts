import { join } from 'node:path'
import { staleReplicaMs } from '../control/replicas.ts'
import { messageOf, startupError, WeirError } from '../errors.ts'
import { kinds } from '../policies/index.ts'
import { projectRoot } from '../project-root.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { migrate } from '../store/migrate.ts'
import { createPool } from '../store/pool.ts'
import { createStore, type Store } from '../store/store.ts'
import { applyConfig } from './apply-config.ts'
import { applyQuickstart } from './quickstart.ts'
import type { StartContext } from './start-context.ts'

/**
 * Connects to PostgreSQL, brings its schema up to date, and checks that its secrets can be read. `counterKey` is for the
 * hashes in counters' identities.
 */
export function openStore(
  start: StartContext,
  url: string,
  secrets: Secrets,
): Promise<{ store: Store; counterKey: Buffer }> {
  const { settings, progress, observe, shutdown } = start
  return progress.step('Store', async () => {
    const pool = createPool(url, observe)
    shutdown.add('connections to PostgreSQL', () => pool.end())
    try {
      await migrate(pool, join(projectRoot, 'migrations'), observe)
    } catch (error) {
      if (error instanceof WeirError) throw error
      const { host, pathname } = new URL(url)
      throw startupError(
        `PostgreSQL at ${host}${pathname} cannot be used: ${messageOf(error)}.`,
        'Check DATABASE_URL, and that the server runs and the user may create tables.',
        error,
      )
    }
    const store = createStore({ pool, kinds, secrets, observe })
    const { inForce, preferred, counterKey } = await store.unlockSecrets({
      isAlone: settings.counters.kind !== 'redis',
      staleMs: staleReplicaMs,
    })
    const { revision } = await store.current()
    const rotation =
      inForce === preferred ? '' : `, to be put under ${preferred} by \`weir secrets rotate-key\``
    const detail = `schema up to date, revision ${revision}, secrets under key ${inForce}${rotation}`
    return { result: { store, counterKey }, detail }
  })
}

/** Applies WEIR_CONFIG, or the quickstart to an empty store. */
export async function applyFirstDocuments(
  { settings, progress, context }: StartContext,
  store: Store,
): Promise<void> {
  const { config } = settings
  if (config === 'none') return
  const title = config === 'quickstart' ? 'examples/quickstart' : config.path
  await progress.step(title, async () => {
    const detail =
      config === 'quickstart'
        ? await applyQuickstart({ store, kinds, context })
        : await applyConfig({ path: config.path, store, kinds, context, confirm: settings.confirm })
    return { result: undefined, detail }
  })
}
