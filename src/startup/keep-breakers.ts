import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BreakerState } from '../breaker/state.ts'
import { readState, stateText } from '../breaker/state-text.ts'
import type { StartContext } from './start-context.ts'

/**
 * Lets breakers in memory outlive a restart, above all those that are held open by hand: those of the last orderly stop are
 * taken over, and at the next one they are written to the data dir. To be called before anything is decided.
 */
export function keepBreakers(
  { settings, observe, shutdown }: StartContext,
  states: Map<string, BreakerState>,
): void {
  const path = join(settings.dataDir, 'breakers')
  try {
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const [, cluster, text] = /^(\S+) (.*)$/.exec(line) ?? []
      const state = readState(text ?? '')
      if (state !== undefined) states.set(cluster!, state)
    }
    rmSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      observe({ event: 'failed', where: 'breakers of before the restart', error })
  }
  shutdown.add('states of the circuit breakers', () => {
    const lines = [...states].map(([cluster, state]) => `${cluster} ${stateText(state)}\n`)
    // Whole or not at all.
    writeFileSync(`${path}.new`, lines.join(''), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  })
}
