import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { messageOf } from '../errors.ts'
import { type KeptEndpoints, nothingKept } from '../model/kept-endpoints.ts'
import type { State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { revisionChannel, rolloutsChannel } from '../store/locks.ts'
import type { Store } from '../store/store.ts'
import { createEndpointKeeper } from './kept-endpoints.ts'
import { createLooks } from './looks.ts'
import { createLostNotices } from './lost-notices.ts'
import { createPrivateKeys, type PrivateKeys } from './private-keys.ts'
import { createSettling } from './settling.ts'
import { createStagedReader, type StagedGateways, statesIn } from './staged.ts'

/** How long a lost NOTIFY, or a database that comes back, may go unnoticed. */
const pollMs = 1_000
/** For so long writes that follow one another are waited for: a burst of them is one state, and one push to the fleet. */
const burstMs = 50
/** A look that takes longer is told as trouble. */
const slowMs = 2_000
/** Overtaken revisions that are told of with the newest one. */
const toldAtOnce = 1_000

interface News {
  state: State
  keys: PrivateKeys
  staged: StagedGateways
  kept: KeptEndpoints
}

export interface Feed {
  /** Asks for a look at the table now; at most one look is under way and at most one is pending. */
  hint(): void
  /** Resolves once a state of at least that revision was delivered; rejects when `signal` aborts. */
  reached(revision: number, signal: AbortSignal): Promise<void>
  /** Calls back with each revision that was written since the first state was delivered, before its state is. */
  follow(listener: (revision: number) => void): void
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
  /**
   * Private keys come with the states that use them, and with a state the gateways that are held at other ones: called
   * once more for the same state where those have moved.
   */
  onState(state: State, keys: PrivateKeys, staged: StagedGateways, kept: KeptEndpoints): void
  /** The time of endpoints that were kept is over; asked for nothing where nobody serves them. */
  onExpired?(kept: KeptEndpoints): void
  /** What else is told on the same connection, by NOTIFY channel. Called once more whenever that was away. */
  others?: Hints
  /** Milliseconds for which writes that follow one another are waited for at most. */
  burstMs?: number
}): Feed {
  const { url, store, observe, onState, onExpired, others = {}, burstMs: patience = burstMs } = options
  const closing = new AbortController()
  const settling = createSettling()
  const followers = new Set<(revision: number) => void>()
  const keysOf = createPrivateKeys({ read: store.secretTexts, observe })
  const stagedIn = createStagedReader({ rollouts: store.rollouts, at: store.at, observe })
  const keeper = onExpired && createEndpointKeeper({ read: store.lastEndpoints, onExpired, observe })
  let delivered = -1
  let handed: StagedGateways | undefined
  let trouble: string | undefined
  let since: number | undefined

  /** A database that hangs answers neither good nor bad; that is told before the query's own time is up. */
  function slowness(): string | undefined {
    const ms = since === undefined ? 0 : performance.now() - since
    return ms > slowMs ? `no answer for ${Math.round(ms / 1000)} s` : undefined
  }

  const { look } = createLooks(async () => {
    if (!closing.signal.aborted) await deliver()
  })

  /** Nothing where that was delivered. */
  async function read(): Promise<News | undefined> {
    const state = await store.current()
    const staged = await stagedIn(state)
    if (state.revision === delivered && staged === handed) return undefined
    const kept = (await keeper?.of(state)) ?? nothingKept
    return { state, keys: await keysOf([state, ...statesIn(staged)]), staged, kept }
  }

  async function deliver(): Promise<void> {
    await store.idle(patience)
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
  function hand({ state, keys, staged, kept }: News): void {
    tellFollowers(state.revision)
    try {
      onState(state, keys, staged, kept)
    } catch (error) {
      observe({ event: 'failed', where: `state of revision ${state.revision}`, error })
    }
    delivered = state.revision
    handed = staged
    settling.changed()
  }

  /** Those that were overtaken were written, too. */
  function tellFollowers(newest: number): void {
    if (delivered < 0 || followers.size === 0) return
    for (let revision = Math.max(delivered + 1, newest - toldAtOnce); revision <= newest; revision++) {
      for (const follower of followers) follower(revision)
    }
  }

  const hint = () => void look()
  const lost = createLostNotices(store.notified, others)
  const timer = setInterval(() => {
    hint()
    void lost.look()
  }, pollMs)
  const heard = { ...others, [revisionChannel]: hint, [rolloutsChannel]: hint }
  const listening = listen(url, heard, observe, closing.signal)

  return {
    hint,
    async reached(revision, signal) {
      const isReached = () => delivered >= revision
      await settling.until(isReached, signal)
      if (!isReached()) throw signal.reason
    },
    follow: (listener) => void followers.add(listener),
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

/** By channel, what is to be done when something was told there; without what was told, where it may have been missed. */
export type Hints = Readonly<Record<string, (told?: string) => void>>

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
  client.on('notification', ({ channel, payload }) => hints[channel]?.(payload))
  await client.connect()
  for (const channel of Object.keys(hints)) await client.query(`listen ${channel}`)
  for (const hint of Object.values(hints)) hint()
  await ended
}
