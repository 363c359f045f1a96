import { createHash } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Observe } from '../observe.ts'
import type { Micros } from '../ratelimit/algorithms/algorithm.ts'
import type { RateLimitService } from '../ratelimit/service.ts'
import type { MemoryStore } from '../ratelimit/stores/memory/memory-store.ts'
import { restoreSnapshot, writeSnapshot } from '../ratelimit/stores/memory/snapshot.ts'
import type { StartContext } from './start-context.ts'

/** Counters of a stop longer ago are forgotten: who knows what that clock was. */
const maxAgeMs = 24 * 60 * 60_000

/**
 * Lets counters in memory outlive a restart: those of the last orderly stop are taken over, and at the next one they are
 * written to the data dir, with the rules that they were for: a counter that was not used since an edit is carried over
 * by it later. To be called before anything is decided; a crash forgets them.
 */
export function keepCounters(
  { settings, observe, shutdown }: StartContext,
  options: { store: MemoryStore; service: RateLimitService; clock: () => Micros; counterKey: Buffer },
): void {
  const { store, service, clock, counterKey } = options
  const path = join(settings.dataDir, 'counters.snapshot')
  const rulesPath = join(settings.dataDir, 'counters.rules.json')
  const key = createHash('sha256').update(counterKey).digest('base64url')
  const { counters } = store
  const { result, ...details } = restoreSnapshot({ counters, path, now: clock(), key, maxAgeMs })
  if (result !== 'absent') observe({ event: 'counters_restored', result, ...details })
  resumeRules(rulesPath, service, observe, result === 'restored')
  shutdown.add('counters', () => {
    observe({ event: 'counters_saved', ...writeSnapshot({ counters, path, now: clock(), key }) })
    // Whole or not at all: half of it would be a fault at the next start.
    writeFileSync(`${rulesPath}.new`, service.rulesToSave(), { mode: 0o600 })
    renameSync(`${rulesPath}.new`, rulesPath)
  })
}

/** The file goes once it is read, as the counters do. Without it the counters are read by the rules of now. */
function resumeRules(path: string, service: RateLimitService, observe: Observe, wanted: boolean): void {
  try {
    const text = readFileSync(path, 'utf8')
    rmSync(path)
    if (wanted) service.resumeRules(text)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    observe({ event: 'failed', where: 'rules of the counters before the restart', error })
  }
}
