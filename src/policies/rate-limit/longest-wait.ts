import { type Place, placesOf } from './places.ts'
import type { RateLimitSpec } from './schema.ts'

/** How long the last request of a queue waits. */
export interface LongestWait {
  milliseconds: number
  /** Milliseconds of one turn. */
  turn: number
  /** The numbers that say so. */
  place: Place
}

const known = new WeakMap<RateLimitSpec, LongestWait | undefined>()

/** The longest wait by any numbers of a policy, its plans and overrides; undefined if it is no leaky bucket. */
export function longestWait(spec: RateLimitSpec): LongestWait | undefined {
  if (spec.algorithm !== 'leaky_bucket') return undefined
  if (!known.has(spec)) known.set(spec, longest(placesOf(spec)))
  return known.get(spec)
}

function longest(places: readonly Place[]): LongestWait | undefined {
  const waits = places.flatMap((place) => {
    const { numbers } = place
    if (numbers.algorithm !== 'leaky_bucket') return []
    const turn = numbers.rate.everyMs / numbers.rate.requests
    return [{ milliseconds: numbers.queue * turn, turn, place }]
  })
  return waits.reduce((most, wait) => (wait.milliseconds > most.milliseconds ? wait : most))
}
