import { milliseconds } from '../model/duration.ts'
import type { GateSpec } from '../model/rollout.ts'
import type { Figures } from '../model/rollout-record.ts'

export const noFigures: Figures = { requests: 0, errors: 0, times: {} }

/** What a gate compares: Envoys with the revision, those without it at the same time, and all before it came. */
export interface Compared {
  readonly reached: Figures
  readonly others: Figures
  readonly before: Figures
}

/** Envoys without the revision: there are none, or they may yet say what they answered, or had their time to. */
export type Without = 'nobody' | 'awaited' | 'heard'

/**
 * Why a gate trips by what the Envoys answered, if it does. They are held against the Envoys that do not have the
 * revision, so that what befalls all alike is nobody's fault; where none of those had requests, against all of them in
 * the time before. Whatever has too few requests is not judged. Where there is nothing to compare with, errors are held
 * against none while there are Envoys to be spared, and not judged where all have the revision.
 */
export function judge(
  gate: GateSpec,
  { reached, others, before }: Compared,
  without: Without,
): string | undefined {
  const { maxErrorRateIncrease = 1, maxP99Increase, minRequests = 10 } = gate
  if (reached.requests < minRequests) return undefined
  const isBeside = others.requests >= minRequests
  const known = isBeside ? others : before
  const isKnown = known.requests >= minRequests
  if (!isBeside && without === 'awaited') return undefined
  if (!isKnown && without === 'nobody') return undefined
  const than = isBeside ? 'of the Envoys without it' : 'before'
  const [rate, usual] = [errorRate(reached), isKnown ? errorRate(known) : 0]
  if (rate - usual > maxErrorRateIncrease) {
    const compared = isKnown ? `, ${usual.toFixed(1)}% ${than}` : ''
    return `error rate ${rate.toFixed(1)}% of ${Math.round(reached.requests)} requests${compared}; ${maxErrorRateIncrease} points more are allowed`
  }
  if (maxP99Increase === undefined || !isKnown) return undefined
  const [p99, usualP99] = [quantile(reached, 0.99), quantile(known, 0.99)]
  if (p99 === undefined || usualP99 === undefined || p99 - usualP99 <= milliseconds(maxP99Increase))
    return undefined
  return `p99 ${text(p99)} of ${Math.round(reached.requests)} requests, ${text(usualP99)} ${than}; ${maxP99Increase} more is allowed`
}

/** Whether Envoys tell of no requests though others do, or all did before: that may be on its way, or lost. */
export function isSilent({ minRequests = 10 }: GateSpec, { reached, others, before }: Compared): boolean {
  return reached.requests < minRequests && Math.max(others.requests, before.requests) >= minRequests
}

/** In percent. */
export function errorRate({ requests, errors }: Figures): number {
  return requests === 0 ? 0 : (100 * errors) / requests
}

/** The bound of milliseconds that so large a share of the requests did not exceed. */
export function quantile({ times }: Figures, share: number): number | undefined {
  const buckets = Object.entries(times)
    .map(([bound, count]) => [Number(bound), count] as const)
    .sort(([a], [b]) => a - b)
  const total = buckets.reduce((sum, [, count]) => sum + count, 0)
  let sum = 0
  for (const [bound, count] of buckets) {
    sum += count
    if (sum >= share * total) return bound
  }
  return undefined
}

export function sumOf(all: readonly Figures[]): Figures {
  const times: Record<string, number> = {}
  for (const figures of all) {
    for (const [bound, count] of Object.entries(figures.times)) times[bound] = (times[bound] ?? 0) + count
  }
  return {
    requests: all.reduce((sum, { requests }) => sum + requests, 0),
    errors: all.reduce((sum, { errors }) => sum + errors, 0),
    times,
  }
}

function text(ms: number): string {
  return `${ms} ms`
}
