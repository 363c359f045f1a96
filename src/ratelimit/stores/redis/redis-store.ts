import type { Observe } from '../../../observe.ts'
import type { Micros } from '../../algorithms/algorithm.ts'
import type { CounterStore, CounterView, Hit, Taken } from '../counter-store.ts'
import { AcrossSlots, partsOf } from './across-slots.ts'
import { groupKeys } from './counter-key.ts'
import { HotKeys } from './hot-keys.ts'
import { KeptCounters } from './kept-counters.ts'
import type { RedisLink } from './link.ts'
import { Replay, type Reply, readReply } from './replay.ts'
import { ScriptArguments } from './script-arguments.ts'
import { loadScripts, type ScriptName } from './scripts.ts'
import { type SlotAnswer, SlotCalls } from './slot-calls.ts'

/** All that is asked of a primary without slots. */
const anySlot = 0

export interface RedisStoreOptions {
  link: RedisLink
  /** Reads another clock than the store's own; for tests. */
  clock?: () => Micros
  /** Milliseconds for which an idle counter stays. */
  graceMs?: number
  /** Whole microseconds since whenever, at the rate of time. */
  monotonic?: () => Micros
  observe?: Observe
}

export interface RedisStore extends CounterStore {
  look(hits: readonly Hit[]): Promise<Taken>
  /** Requests that were decided here, and by calls to the store, since the start. */
  readonly counts: { readonly here: number; readonly asked: number; readonly calls: number }
}

/**
 * Counters in Redis or Valkey. A request is one atomic step of a script where its counters are on one primary without
 * slots, or all in one slot; across slots see `AcrossSlots`. Time is the primary's. The requests of one turn of the loop go
 * in one call, or one a slot.
 */
export function createRedisStore(options: RedisStoreOptions): RedisStore {
  const { link, clock, graceMs = 1_000, monotonic, observe = () => undefined } = options
  const scripts = loadScripts()
  const own = monotonic ?? (() => Math.floor(performance.now() * 1_000))
  const hotKeys = new HotKeys(own)
  const kept = link.primaries && new KeptCounters({ primaries: link.primaries, own, observe })
  const counts = { here: 0, asked: 0, calls: 0 }
  const calls = new SlotCalls({ run, own, together: link.together, onCall: () => counts.calls++ })
  const across = new AcrossSlots({ calls, learn, onConflict: () => observe({ event: 'reserve_conflict' }) })

  async function run(name: ScriptName, call: ScriptArguments): Promise<Reply> {
    const answer = await link.run(scripts[name], call.names, call.list(clock?.() ?? '', graceMs))
    return readReply(call.keys, answer)
  }

  function learn(hits: readonly Hit[], taken: Taken, { replay, askedAt }: SlotAnswer): void {
    hotKeys.learn(hits, taken, replay, askedAt)
  }

  async function takeFrom(slot: number, hits: readonly Hit[]): Promise<Taken> {
    const answer = await calls.take(slot, hits)
    learn(hits, answer.taken, answer)
    return answer.taken
  }

  return {
    take(hits) {
      const refusal = hotKeys.refusal(hits)
      if (refusal !== undefined) {
        counts.here++
        return refusal
      }
      counts.asked++
      if (!link.isCluster) return takeFrom(anySlot, hits)
      const parts = partsOf(hits)
      return parts.length === 1 ? takeFrom(parts[0]!.slot, hits) : across.take(parts)
    },
    look(hits) {
      const whole = { slot: anySlot, hits: [...hits], places: [...hits.keys()] }
      return across.look(link.isCluster ? partsOf(hits) : [whole])
    },

    async peek(policy, counter, rule, former = []): Promise<CounterView | undefined> {
      const call = new ScriptArguments()
      call.addCounter(counter, rule, policy)
      call.addFormer(former, policy)
      const replay = new Replay(await run('read', call))
      const state = replay.state(counter, rule, () => former)
      if (state === undefined) return undefined
      const used = rule.used(rule.at(state, replay.now))
      return used === 0 ? undefined : { used, ...rule.standing(state, replay.now) }
    },

    async reset(policy, counter, rule) {
      const call = new ScriptArguments()
      call.addKeys(groupKeys(counter, rule.algorithm), policy)
      const reply = await run('reset', call)
      for (const key of call.keys) hotKeys.forget(key)
      const { now, rows } = reply
      // Since an edit it may be in use for longer than the rule of its last use said.
      const state = new Replay(reply).state(counter, rule)
      if (state !== undefined && rule.used(rule.at(state, now)) > 0) return true
      return [...rows.values()].some(({ expiresAt }) => expiresAt > now)
    },

    async grant(policy, counter, rule, amount, former = []) {
      const call = new ScriptArguments()
      call.add(amount)
      call.addCounter(counter, rule, policy)
      call.addFormer(former, policy)
      const { said } = await run('grant', call)
      hotKeys.forget(call.keys[0]!)
      return said === '1'
    },

    counts,
    keep: (policy, span) => kept?.keep(policy, span),
    size: () => 0,
  }
}
