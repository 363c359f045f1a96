import { askAdmin } from './envoy-admin.ts'

/** What an Envoy says of its rate-limit requests (Envoy docs: rate_limit_filter, statistics). */
export const limitOutcomes = ['ok', 'over_limit', 'error', 'failure_mode_allowed'] as const

export type LimitOutcome = (typeof limitOutcomes)[number]

/** Counters by their names; those that are 0 are left out. */
export type OutcomeCounters = ReadonlyMap<string, number>

const path = `/stats?usedonly&filter=${encodeURIComponent(`^cluster\\..+\\.ratelimit\\.(${limitOutcomes.join('|')})$`)}`

/** The counters of an Envoy, one for each cluster and outcome; `undefined` where its admin interface does not answer. */
export async function readLimitOutcomes(adminPort: number): Promise<OutcomeCounters | undefined> {
  try {
    const lines = (await askAdmin(adminPort, path)).matchAll(/^(cluster\..+): (\d+)$/gm)
    return new Map([...lines].map(([, name, value]) => [name!, Number(value)]))
  } catch {
    return undefined
  }
}

/** How much was counted from one reading to the next. A counter that fell began anew with its cluster. */
export function countedSince(before: OutcomeCounters, now: OutcomeCounters): Record<LimitOutcome, number> {
  const counted = { ok: 0, over_limit: 0, error: 0, failure_mode_allowed: 0 }
  for (const [name, value] of now) {
    const last = before.get(name) ?? 0
    counted[name.slice(name.lastIndexOf('.') + 1) as LimitOutcome] += value >= last ? value - last : value
  }
  return counted
}
