import { closest, distance } from 'fastest-levenshtein'

/** The candidate that somebody who wrote `word` probably meant, if one is near enough. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || word.length > 64) return undefined
  const lower = word.toLowerCase()
  const nearest = closest(
    lower,
    candidates.map((candidate) => candidate.toLowerCase()),
  )
  const best = candidates.find((candidate) => candidate.toLowerCase() === nearest)!
  return distance(lower, nearest) <= Math.ceil(best.length / 3) ? best : undefined
}

/** A remedy that offers the near candidate first, then all of them. */
export function remedyAmong(word: unknown, candidates: readonly string[]): string {
  const meant = typeof word === 'string' ? suggest(word, candidates) : undefined
  const list = candidates.join(', ')
  return meant === undefined ? `use one of: ${list}` : `did you mean "${meant}"? (one of: ${list})`
}
