import type { Breaker } from '../model/breaker-json.ts'
import { table } from './output.ts'

/** Breakers, a row each. */
export function breakerTable(breakers: readonly Breaker[], stream: NodeJS.WriteStream): string {
  const rows = breakers.map((breaker) => {
    const { cluster, policy, state, since, opensAt } = breaker
    return [
      cluster,
      state,
      since ?? '-',
      detailOf(breaker) ?? '-',
      `${opensAt.failures} of ${opensAt.of}`,
      policy,
    ]
  })
  return table(stream, ['CLUSTER', 'STATE', 'SINCE', 'NOW', 'OPENS AT', 'POLICY'], rows)
}

/** The state of one, and what counts in it: `open, until 2026-11-30T08:00:00.000Z`. */
export function breakerText(breaker: Breaker): string {
  const detail = detailOf(breaker)
  return detail === undefined ? breaker.state : `${breaker.state}, ${detail}`
}

function detailOf({ outcomes, halfOpenAt, probes, held, state }: Breaker): string | undefined {
  if (outcomes !== undefined) return `${outcomes.failures} of ${outcomes.of} failed`
  if (probes !== undefined)
    return `${probes.inFlight} probes under way, ${probes.successes} of ${probes.of} succeeded`
  if (state !== 'open') return undefined
  const until = halfOpenAt === undefined ? 'until it is closed' : `until ${halfOpenAt}`
  if (held === undefined) return until
  return `${until}, by ${held.author}${held.message === '' ? '' : `: ${held.message}`}`
}
