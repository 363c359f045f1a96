import { startupError } from '../errors.ts'
import { milliseconds } from '../model/duration.ts'

/** All else of a stop has to fit into what is left of 15 s. */
const mostMs = 8_000

/**
 * For how many milliseconds weir goes on serving after it was asked to stop, of WEIR_DRAIN_DELAY. Throws a start-up error.
 */
export function drainDelayOf(
  values: Readonly<Record<string, string | undefined>>,
  otherwise: string,
): number {
  const text = values.WEIR_DRAIN_DELAY?.trim() || otherwise
  const delayMs = /^(0|[1-9][0-9]{0,4})(ms|s)$/.test(text) ? milliseconds(text) : Number.NaN
  if (delayMs <= mostMs) return delayMs
  throw startupError(
    `WEIR_DRAIN_DELAY=${text} is not a duration of ${mostMs / 1_000} s at most.`,
    'Write it as 5s; a stop takes 15 s at most in all.',
  )
}
