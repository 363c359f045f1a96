import { askAdmin } from './envoy-admin.ts'

/** What an Envoy says of its rate-limit requests (Envoy docs: rate_limit_filter, statistics). */
const asked = ['ok', 'over_limit', 'error', 'failure_mode_allowed'] as const

/** And of what it refused without one (Envoy docs: local_rate_limit_filter, statistics), which it calls `enforced`. */
const refusedLocally = 'refused_locally'

export const limitOutcomes = [...asked, refusedLocally] as const

export type LimitOutcome = (typeof limitOutcomes)[number]

/** Counters by their names; those that are 0 are left out. */
export type OutcomeCounters = ReadonlyMap<string, number>

const names = `^cluster\\..+\\.ratelimit\\.(${asked.join('|')})$|\\.http_local_rate_limit\\.enforced$`
const path = `/stats?usedonly&filter=${encodeURIComponent(names)}`

/** The counters of an Envoy, one for each cluster or filter and outcome; `undefined` where its admin interface does not answer. */
export async function readLimitOutcomes(adminPort: number): Promise<OutcomeCounters | undefined> {
  try {
    const lines = (await askAdmin(adminPort, path)).matchAll(/^(.+): (\d+)$/gm)
    return new Map([...lines].map(([, name, value]) => [name!, Number(value)]))
  } catch {
    return undefined
  }
}

/** How much was counted from one reading to the next. A counter that fell began anew with its cluster. */
export function countedSince(before: OutcomeCounters, now: OutcomeCounters): Record<LimitOutcome, number> {
  const counted = { ok: 0, over_limit: 0, error: 0, failure_mode_allowed: 0, refused_locally: 0 }
  for (const [name, value] of now) {
    const last = before.get(name) ?? 0
    const said = name.slice(name.lastIndexOf('.') + 1)
    const outcome = said === 'enforced' ? refusedLocally : (said as LimitOutcome)
    counted[outcome] += value >= last ? value - last : value
  }
  return counted
}
