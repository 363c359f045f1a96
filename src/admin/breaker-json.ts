import type { BreakerView } from '../breaker/breaker-desk.ts'
import { type BreakerState, halfOpenAt, type Micros } from '../breaker/state.ts'
import type { Breaker } from '../model/breaker-json.ts'

/** A breaker as the API shows it; `warnings` are those of all breakers. */
export function breakerJson(view: BreakerView, warnings: readonly string[]): Breaker {
  const { rule, state, trouble } = view
  const { cluster, policy, window, errorRate } = rule
  const doubt = trouble === undefined || warnings.length > 0 ? [] : [`the store ${trouble}`]
  return {
    ...{ cluster, policy },
    state: state?.name ?? 'unknown',
    ...(state && stateFields(state, view)),
    opensAt: { failures: Math.floor((errorRate * window) / 100) + 1, of: window },
    warnings: [...warnings, ...doubt],
  }
}

function stateFields(state: BreakerState, { rule, outcomes, now }: BreakerView): Partial<Breaker> {
  const { name, since, cause, generation, places, successes } = state
  const end = halfOpenAt(state, rule.open)
  return {
    ...{ since: timeOf(since), cause, generation: String(generation) },
    ...(name === 'closed' && { outcomes }),
    ...(name === 'open' && end !== undefined && { halfOpenAt: timeOf(end) }),
    ...(name === 'half_open' && {
      probes: { inFlight: places.filter(({ until }) => until > now).length, of: rule.probes, successes },
    }),
    ...(state.hold !== undefined && { held: heldBy(state) }),
  }
}

function heldBy({ hold, note }: BreakerState): NonNullable<Breaker['held']> {
  return {
    ...(typeof hold === 'number' && { until: timeOf(hold) }),
    ...{ author: note?.author ?? '', message: note?.message ?? '' },
  }
}

/** RFC 3339; microseconds are rounded down. */
function timeOf(micros: Micros): string {
  return new Date(Math.floor(micros / 1_000)).toISOString()
}
