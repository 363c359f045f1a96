import { relative } from 'node:path'
import type { Receipt, ReceiptQuestion } from '../control/receipts.ts'
import { tokenFile } from '../settings/token.ts'
import type { Store } from '../store/store.ts'
import { gatewayUrls, panel } from './panel.ts'
import { gatewayPort, isQuickstart } from './quickstart.ts'
import type { StartContext } from './start-context.ts'

/** How long the start waits for the local Envoys to have their configuration. */
const firstDeliveryMs = 20_000

/** Waits until the local Envoys serve what is written, and says so; what they refuse does not end weir. */
export async function firstDelivery(
  { progress, shutdown }: StartContext,
  store: Store,
  receipt: (question: ReceiptQuestion) => Promise<Receipt>,
): Promise<void> {
  const { revision, objects } = await store.current()
  const gateways = new Set(objects.get('Gateway')?.keys())
  if (gateways.size === 0) {
    progress.line('Envoy: no gateway is written yet; each one gets an Envoy as soon as it is')
    return
  }
  await progress.step('Envoy', async () => {
    const { state, envoys } = await receipt({
      revision,
      gateways,
      timeoutMs: firstDeliveryMs,
      signal: shutdown.signal,
    })
    shutdown.signal.throwIfAborted()
    const waiting = envoys.filter((envoy) => envoy.state !== 'acked').map(({ gateway }) => gateway)
    const detail =
      state === 'acked'
        ? `${[...gateways].sort().join(', ')} at revision ${revision}`
        : `not yet in force: ${waiting.join(', ')} (see \`weir fleet\`)`
    return { result: undefined, detail }
  })
}

/** The panel that ends the start. */
export async function welcome(start: StartContext, store: Store, adminUrl: string): Promise<void> {
  const { settings, progress, context } = start
  const state = await store.current()
  const gateways = gatewayUrls(state, context)
  const plain = `http://127.0.0.1:${gatewayPort}`
  const tryIt = isQuickstart(state) && gateways.some(({ urls }) => urls.includes(plain)) ? plain : undefined
  const file = settings.adminToken === undefined ? shortPath(tokenFile(settings.dataDir)) : undefined
  progress.line(panel({ gateways, admin: adminUrl, tokenFile: file, tryIt }))
}

function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path)
  return fromHere.startsWith('..') ? path : fromHere
}
