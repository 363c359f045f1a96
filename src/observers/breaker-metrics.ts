import { Counter, Gauge, type Registry } from 'prom-client'
import type { Event } from '../observe.ts'

const numbers = { closed: 0, half_open: 1, open: 2 } as const

type BreakerEvent = Extract<Event['event'], `breaker_${string}`>

/** What events of circuit breakers are as metrics. The clusters are those that have one: never what a peer sends. */
export function breakerInterpreters(registry: Registry): {
  [Name in BreakerEvent]: (event: Extract<Event, { event: Name }>) => void
} {
  const registers = [registry]
  const transitions = new Counter({
    name: 'weir_breaker_transitions_total',
    help: 'Transitions of circuit breakers that this replica made, by the state that they came to.',
    labelNames: ['cluster', 'to'],
    registers,
  })
  const state = new Gauge({
    name: 'weir_breaker_state',
    help: 'State of the circuit breakers that this replica was asked for or heard of: 0 closed, 1 half-open, 2 open.',
    labelNames: ['cluster'],
    registers,
  })
  const refused = new Counter({
    name: 'weir_breaker_refused_total',
    help: 'Requests that this replica refused for an open circuit breaker, whether they got a 503 or went elsewhere.',
    labelNames: ['cluster', 'by'],
    registers,
  })
  const dropped = new Counter({
    name: 'weir_breaker_dropped_outcomes_total',
    help: 'Outcomes of requests that could not be written to the store.',
    labelNames: ['cluster'],
    registers,
  })
  return {
    breaker_moved: ({ cluster, to }) => transitions.inc({ cluster, to }),
    breaker_state: ({ cluster, state: name }) => {
      if (name === undefined) state.remove({ cluster })
      else state.set({ cluster }, numbers[name])
    },
    breaker_refused: ({ cluster, by }) => refused.inc({ cluster, by }),
    breaker_outcomes_dropped: ({ cluster, outcomes }) => dropped.inc({ cluster }, outcomes),
  }
}
