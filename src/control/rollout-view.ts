import type { RolloutSpec } from '../model/rollout.ts'
import type { Figures, RolloutRecord, RolloutState } from '../model/rollout-record.ts'
import { type Compared, errorRate, quantile } from './gate.ts'
import { type Seen, waveText } from './rollout.ts'

/** A rollout as people see it. Times are RFC 3339. */
export interface RolloutView {
  gateway: string
  state: RolloutState
  /** What is rolled out, and what the Envoys have that it has not come to. */
  revision: number
  base: number
  /** Which one it is in, counted from 1; absent once all have the same. */
  wave?: { number: number; of: number; envoys: string; phase?: 'delivering' | 'settling'; since: string }
  /** What the replicas see of the Envoys; absent while that is not known here. */
  envoys?: { reached: number; pending: number; others: number }
  figures: { reached: ShownFigures; others: ShownFigures; before: ShownFigures }
  /** Why it was halted, reverted or ended. */
  reason: string
  /** The replica that moves rollouts on. */
  driver?: string
  startedAt: string
  changedAt: string
}

export interface ShownFigures {
  requests: number
  /** In percent. */
  errorRate: number
  /** In milliseconds, as a bound of Envoy's histogram. */
  p99?: number
}

export function viewOf(
  record: RolloutRecord,
  rollout: RolloutSpec | undefined,
  seen: Seen | undefined,
  figures: Compared,
  driver: string | undefined,
): RolloutView {
  const { gateway, state, candidate: revision, base, reason, startedAt, changedAt } = record
  const isOver = state === 'done'
  return {
    ...{ gateway, state, revision, base },
    ...(!isOver && { wave: waveOf(record, rollout) }),
    ...(seen !== undefined && {
      envoys: {
        reached: seen.reached.envoys,
        pending: seen.reached.pending + (state === 'reverting' ? seen.others.pending : 0),
        others: seen.others.envoys,
      },
    }),
    figures: {
      reached: shown(figures.reached),
      others: shown(figures.others),
      before: shown(figures.before),
    },
    reason,
    ...(driver !== undefined && { driver }),
    startedAt: startedAt.toISOString(),
    changedAt: changedAt.toISOString(),
  }
}

function waveOf(
  { state, wave, waveAt, settlingAt }: RolloutRecord,
  rollout: RolloutSpec | undefined,
): NonNullable<RolloutView['wave']> {
  const waves = rollout?.waves ?? []
  return {
    number: wave + 1,
    of: Math.max(waves.length, wave + 1),
    envoys: waveText(waves[wave]),
    // Only a wave that runs goes from the one to the other.
    ...(state === 'running' && {
      phase: settlingAt === null ? ('delivering' as const) : ('settling' as const),
    }),
    since: (settlingAt ?? waveAt).toISOString(),
  }
}

function shown(figures: Figures): ShownFigures {
  const p99 = quantile(figures, 0.99)
  return {
    requests: Math.round(figures.requests),
    errorRate: Math.round(errorRate(figures) * 100) / 100,
    ...(p99 !== undefined && { p99 }),
  }
}
