import type { Micros } from '../src/ratelimit/algorithms/algorithm.ts'
import type { CounterId } from '../src/ratelimit/identity/counter-id.ts'
import type { Hit, HitOutcome } from '../src/ratelimit/stores/counter-store.ts'

interface Entry {
  policy: string
  state: unknown
  expiresAt: Micros
}

/** Entries looked at for expiry with each hit. */
const sweptPerHit = 2

/**
 * Counters as they would be without a table of their own: an object each, in a Map by name, under the same rule for a
 * full store. It takes requests of one hit.
 */
export function createMapStore({ clock, maxCounters }: { clock: () => Micros; maxCounters: number }) {
  const entries = new Map<string, Entry>()
  const held = new Map<string, number>()
  let cursor = entries.entries()

  function sweep(now: Micros): void {
    for (let looked = 0; looked < sweptPerHit; looked++) {
      const next = cursor.next()
      if (next.done === true) {
        cursor = entries.entries()
        return
      }
      const [name, { policy, expiresAt }] = next.value
      if (expiresAt > now) continue
      entries.delete(name)
      held.set(policy, held.get(policy)! - 1)
    }
  }

  function counterOf(hit: Hit): string {
    const name = nameOf(hit.counter)
    if (entries.has(name) || entries.size < maxCounters) return name
    const own = held.get(hit.policy) ?? 0
    return own < maxCounters / held.size && entries.size < 2 * maxCounters ? name : nameOf(hit.overflow)
  }

  return {
    size: () => entries.size,
    take(hit: Hit): HitOutcome {
      const now = clock()
      sweep(now)
      const name = counterOf(hit)
      const entry = entries.get(name)
      const { state, decision } = hit.rule.step(entry?.state, hit.cost, now)
      if (decision.admitted) {
        const expiresAt = hit.rule.expiresAt(state)
        if (entry === undefined) {
          entries.set(name, { policy: hit.policy, state, expiresAt })
          held.set(hit.policy, (held.get(hit.policy) ?? 0) + 1)
        } else Object.assign(entry, { state, expiresAt })
      }
      return { ...decision, ...hit.rule.standing(decision.admitted ? state : entry?.state, now) }
    },
  }
}

/** The 128 bits as a string, in the cheapest way. */
function nameOf({ a, b, c, d }: CounterId): string {
  const half = 0xffff
  return String.fromCharCode(a >>> 16, a & half, b >>> 16, b & half, c >>> 16, c & half, d >>> 16, d & half)
}
