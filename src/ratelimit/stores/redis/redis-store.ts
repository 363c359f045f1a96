import type { Micros } from '../../algorithms/algorithm.ts'
import type { CounterStore, CounterView, Hit, Taken } from '../counter-store.ts'
import { groupKeys } from './counter-key.ts'
import { HotKeys } from './hot-keys.ts'
import type { RedisLink } from './link.ts'
import { Replay, type Reply, readReply } from './replay.ts'
import { ScriptArguments } from './script-arguments.ts'
import { loadScripts, type ScriptName } from './scripts.ts'

/** Requests that one call of the script decides at most: some 0.5 ms of the store's one thread. */
const mostInCall = 64

export interface RedisStoreOptions {
  link: RedisLink
  /** Reads another clock than the store's own; for tests. */
  clock?: () => Micros
  /** Milliseconds for which an idle counter stays. */
  graceMs?: number
  /** Whole microseconds since whenever, at the rate of time. */
  monotonic?: () => Micros
}

export interface RedisStore extends CounterStore {
  look(hits: readonly Hit[]): Promise<Taken>
  /** Forgets what is known here of a counter, by its Redis key: somebody reset it, or gave back to it. */
  forget(key: string): void
  /** Requests that were decided here, and by calls to the store, since the start. */
  readonly counts: { readonly here: number; readonly asked: number; readonly calls: number }
}

interface Waiting {
  hits: readonly Hit[]
  resolve(taken: Taken): void
  reject(error: unknown): void
}

/**
 * Counters in Redis or Valkey, on one primary: a request is one atomic step of a script, and time is the primary's. The
 * requests of one turn of the loop go in one call.
 */
export function createRedisStore({ link, clock, graceMs = 1_000, monotonic }: RedisStoreOptions): RedisStore {
  const scripts = loadScripts()
  const own = monotonic ?? (() => Math.floor(performance.now() * 1_000))
  const hotKeys = new HotKeys(own)
  const counts = { here: 0, asked: 0, calls: 0 }
  let waiting: Waiting[] = []

  async function run(name: ScriptName, call: ScriptArguments): Promise<Reply> {
    const answer = await link.run(scripts[name], call.keys, call.list(clock?.() ?? '', graceMs))
    return readReply(call.keys, answer)
  }

  async function flush(requests: readonly Waiting[]): Promise<void> {
    try {
      const call = new ScriptArguments()
      call.add(requests.length)
      for (const { hits } of requests) {
        call.add(hits.length)
        for (const hit of hits) call.addHit(hit)
      }
      counts.calls++
      const askedAt = own()
      const reply = await run('take', call)
      const replay = new Replay(reply)
      for (const [index, { hits, resolve }] of requests.entries()) {
        const taken = replay.decide(hits, true)
        if (taken.admitted !== (reply.said[index] === '1')) throw new Error('the script decided otherwise')
        hotKeys.learn(hits, taken, replay, askedAt)
        resolve(taken)
      }
    } catch (error) {
      for (const { reject } of requests) reject(error)
    }
  }

  function flushAll(): void {
    const all = waiting
    waiting = []
    for (let from = 0; from < all.length; from += mostInCall) void flush(all.slice(from, from + mostInCall))
  }

  async function look(hits: readonly Hit[]): Promise<Taken> {
    const call = new ScriptArguments()
    for (const hit of hits) call.addHit(hit)
    return new Replay(await run('read', call)).decide(hits, false)
  }

  return {
    take(hits) {
      const refusal = hotKeys.refusal(hits)
      if (refusal !== undefined) {
        counts.here++
        return refusal
      }
      counts.asked++
      return new Promise((resolve, reject) => {
        if (waiting.push({ hits, resolve, reject }) === 1) setImmediate(flushAll)
      })
    },
    look,

    async peek(_, counter, rule, former = []): Promise<CounterView | undefined> {
      const call = new ScriptArguments()
      call.addCounter(counter, rule)
      call.addFormer(former)
      const replay = new Replay(await run('read', call))
      const state = replay.state(counter, rule, () => former)
      if (state === undefined) return undefined
      const used = rule.used(rule.at(state, replay.now))
      return used === 0 ? undefined : { used, ...rule.standing(state, replay.now) }
    },

    async reset(_, counter, rule) {
      const call = new ScriptArguments()
      call.addKeys(groupKeys(counter, rule.algorithm))
      const { rows, now } = await run('reset', call)
      for (const key of call.keys) hotKeys.forget(key)
      return [...rows.values()].some(({ expiresAt }) => expiresAt > now)
    },

    async grant(_, counter, rule, amount, former = []) {
      const call = new ScriptArguments()
      call.add(amount)
      call.addCounter(counter, rule)
      call.addFormer(former)
      const { said } = await run('grant', call)
      hotKeys.forget(call.keys[0]!)
      return said === '1'
    },

    forget: (key) => hotKeys.forget(key),
    counts,
    keep: () => undefined,
    size: () => 0,
  }
}
