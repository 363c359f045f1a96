import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Micros } from '../ratelimit/algorithms/algorithm.ts'
import type { MemoryStore } from '../ratelimit/stores/memory/memory-store.ts'
import { restoreSnapshot, writeSnapshot } from '../ratelimit/stores/memory/snapshot.ts'
import type { StartContext } from './start-context.ts'

/** Counters of a stop longer ago are forgotten: who knows what that clock was. */
const maxAgeMs = 24 * 60 * 60_000

/**
 * Lets counters in memory outlive a restart: those of the last orderly stop are taken over, and at the next one they are
 * written to the data dir. To be called before anything is decided; a crash forgets them.
 */
export function keepCounters(
  { settings, observe, shutdown }: StartContext,
  options: { store: MemoryStore; clock: () => Micros; counterKey: Buffer },
): void {
  const { store, clock, counterKey } = options
  const path = join(settings.dataDir, 'counters.snapshot')
  const key = createHash('sha256').update(counterKey).digest('base64url')
  const { counters } = store
  const { result, ...details } = restoreSnapshot({ counters, path, now: clock(), key, maxAgeMs })
  if (result !== 'absent') observe({ event: 'counters_restored', result, ...details })
  shutdown.add('counters', () => {
    observe({ event: 'counters_saved', ...writeSnapshot({ counters, path, now: clock(), key }) })
  })
}
