import { join } from 'node:path'
import { startupError } from '../errors.ts'
import { startEcho } from '../local/echo.ts'
import type { ClusterSpec } from '../model/cluster.ts'
import type { CheckContext, Kind } from '../model/kind.ts'
import { find, type State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { projectRoot } from '../project-root.ts'
import type { Store } from '../store/store.ts'
import { applyConfig } from './apply-config.ts'
import { isPortFree } from './bind.ts'

/** As `examples/quickstart` writes them; a test holds them equal. */
export const echoAddress = { host: '127.0.0.1', port: 18090 }
export const gatewayPort = 10000

/** Whether the state still has the quickstart's service, which then needs its upstream. */
export function isQuickstart(state: State): boolean {
  const spec = find(state, 'Cluster', 'echo')?.document.spec as ClusterSpec | undefined
  return (
    spec?.endpoints?.some(({ address, port }) => address === echoAddress.host && port === echoAddress.port) ??
    false
  )
}

/** Applies the quickstart to an empty store; on a store that has seen a write it does nothing. */
export async function applyQuickstart(options: {
  store: Store
  kinds: readonly Kind[]
  context: CheckContext
}): Promise<string> {
  const { store, context } = options
  const { revision } = await store.current()
  if (revision > 0) return `left as it is at revision ${revision}`
  if (!(await isPortFree(context.listenerAddress, gatewayPort))) {
    throw startupError(
      `Port ${gatewayPort}, which the quickstart's gateway wants, is in use by another program.`,
      'Free it, or start without the quickstart by WEIR_CONFIG= (empty).',
    )
  }
  return applyConfig({ ...options, path: join(projectRoot, 'examples', 'quickstart') })
}

/** Starts the quickstart's upstream where the state needs it. */
export async function serveQuickstart(options: {
  state: State
  dataDir: string
  observe: Observe
}): Promise<{ stop(): Promise<void> } | undefined> {
  const { state, dataDir, observe } = options
  return isQuickstart(state) ? startEcho({ ...echoAddress, dataDir, observe }) : undefined
}
