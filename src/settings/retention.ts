import { startupError } from '../errors.ts'
import { milliseconds } from '../model/duration.ts'

const duration = /^[1-9][0-9]{0,8}(s|m|h)$/

/** How much of the history stays readable, of WEIR_HISTORY_REVISIONS and WEIR_HISTORY_AGE; throws a start-up error. */
export function retentionOf(values: Readonly<Record<string, string | undefined>>): {
  revisions: number
  ageMs: number
} {
  const revisions = values.WEIR_HISTORY_REVISIONS?.trim() || '10000'
  if (!/^[1-9][0-9]{0,8}$/.test(revisions)) {
    throw startupError(
      `WEIR_HISTORY_REVISIONS=${revisions} is not a number of revisions.`,
      'Write it as 10000; at least 1.',
    )
  }
  const age = values.WEIR_HISTORY_AGE?.trim() || '2160h'
  if (!duration.test(age))
    throw startupError(`WEIR_HISTORY_AGE=${age} is not a duration.`, 'Write it as 2160h, which is 90 days.')
  return { revisions: Number(revisions), ageMs: milliseconds(age) }
}
