import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { messageOf } from '../errors.ts'
import type { KeptEndpoints } from '../model/kept-endpoints.ts'
import type { State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { revisionChannel } from '../store/locks.ts'
import type { Store } from '../store/store.ts'
import { createEndpointKeeper } from './kept-endpoints.ts'
import { createPrivateKeys, type PrivateKeys } from './private-keys.ts'

/** How long a lost NOTIFY, or a database that comes back, may go unnoticed. */
const pollMs = 1_000
/** A look that takes longer is told as trouble. */
const slowMs = 2_000

interface News {
  state: State
  keys: PrivateKeys
  kept: KeptEndpoints
}

export interface Feed {
  /** Asks for a look at the table now; at most one look is under way and at most one is pending. */
  hint(): void
  /** Resolves once a state of at least that revision was delivered; rejects when `signal` aborts. */
  reached(revision: number, signal: AbortSignal): Promise<void>
  /** Whether any state was delivered yet. */
  delivered(): boolean
  /** Whether the last look at the table failed, and why. */
  trouble(): string | undefined
  close(): Promise<void>
}

/**
 * Delivers each newest state once. NOTIFY is a hint, the table is the truth: a hint only makes the next look come
 * now instead of within a second. States that were overtaken are skipped.
 */
export function createFeed(options: {
  url: string
  store: Store
  observe: Observe
  /** Private keys, and endpoints that are kept for a time, come with the state that uses them. */
  onState(state: State, keys: PrivateKeys, kept: KeptEndpoints): void
  /** The time of endpoints that were kept is over; asked for nothing where nobody serves them. */
  onExpired?(kept: KeptEndpoints): void
  /** What else is told on the same connection, by NOTIFY channel. Called once more whenever that was away. */
  others?: Hints
}): Feed {
  const { url, store, observe, onState, onExpired, others = {} } = options
  const closing = new AbortController()
  const waiting = new Set<{ revision: number; resolve: () => void }>()
  const keysOf = createPrivateKeys({ read: store.secretTexts, observe })
  const keeper = onExpired && createEndpointKeeper({ read: store.lastEndpoints, onExpired, observe })
  let delivered = -1
  let looking = false
  let pending = false
  let trouble: string | undefined
  let since: number | undefined

  /** A database that hangs answers neither good nor bad; that is told before the query's own time is up. */
  function slowness(): string | undefined {
    const ms = since === undefined ? 0 : performance.now() - since
    return ms > slowMs ? `no answer for ${Math.round(ms / 1000)} s` : undefined
  }

  async function look(): Promise<void> {
    if (looking) {
      pending = true
      return
    }
    looking = true
    try {
      do {
        pending = false
        await deliver()
      } while (pending && !closing.signal.aborted)
    } finally {
      looking = false
    }
  }

  /** Nothing where that state was delivered. */
  async function read(): Promise<News | undefined> {
    const state = await store.current()
    if (state.revision === delivered) return undefined
    return { state, keys: await keysOf(state), kept: (await keeper?.of(state)) ?? new Map() }
  }

  async function deliver(): Promise<void> {
    try {
      since = performance.now()
      const news = await read().finally(() => {
        since = undefined
      })
      if (trouble !== undefined) observe({ event: 'store_recovered' })
      trouble = undefined
      if (news === undefined || closing.signal.aborted) return
      hand(news)
    } catch (error) {
      if (trouble === undefined) observe({ event: 'store_unavailable', error: messageOf(error) })
      trouble = messageOf(error)
    }
  }

  /** A fault of the receiver is no trouble of the store, and would only come again with the same state. */
  function hand({ state, keys, kept }: News): void {
    try {
      onState(state, keys, kept)
    } catch (error) {
      observe({ event: 'failed', where: `state of revision ${state.revision}`, error })
    }
    delivered = state.revision
    for (const waiter of waiting) {
      if (waiter.revision <= delivered) waiter.resolve()
    }
  }

  const hint = () => void look()
  const timer = setInterval(hint, pollMs)
  const listening = listen(url, { ...others, [revisionChannel]: hint }, observe, closing.signal)

  return {
    hint,
    reached(revision, signal) {
      if (delivered >= revision) return Promise.resolve()
      if (signal.aborted) return Promise.reject(signal.reason)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const waiter = { revision, resolve }
      waiting.add(waiter)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      return promise.finally(() => waiting.delete(waiter))
    },
    delivered: () => delivered >= 0,
    trouble: () => trouble ?? slowness(),
    async close() {
      closing.abort()
      clearInterval(timer)
      keeper?.close()
      await listening
    },
  }
}

type Hints = Readonly<Record<string, () => void>>

/** Keeps one connection that LISTENs, until `signal` aborts; while it is away the polling goes on. */
async function listen(url: string, hints: Hints, observe: Observe, signal: AbortSignal): Promise<void> {
  // pg never settles a connect that is ended half-way, so the end is awaited beside it.
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  while (!signal.aborted) {
    const client = new pg.Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 3_000 })
    try {
      await Promise.race([session(client, hints), aborted])
    } catch (error) {
      if (!signal.aborted) observe({ event: 'store_unavailable', error: messageOf(error) })
    }
    void client.end().catch(() => undefined)
    await delay(pollMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Connects and passes notifications on; resolves when the connection has ended. */
async function session(client: pg.Client, hints: Hints): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve)
    client.on('error', () => resolve())
  })
  client.on('notification', ({ channel }) => hints[channel]?.())
  await client.connect()
  for (const channel of Object.keys(hints)) await client.query(`listen ${channel}`)
  for (const hint of Object.values(hints)) hint()
  await ended
}
