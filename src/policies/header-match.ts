import type { Message } from '../envoy-api/types.ts'
import type { Matcher } from '../model/matcher.ts'

/** Envoy's `HeaderMatcher` of a condition on a header. */
export function headerMatch(matcher: Matcher): Message {
  const name = matcher.name.toLowerCase()
  const invert = matcher.invert === true
  if (matcher.present === true) return { name, present_match: true, ...(invert && { invert_match: true }) }
  // Envoy lets no inverted condition hold for a header that is not there, unless it counts as empty.
  const inverted = invert && { invert_match: true, treat_missing_header_as_empty: true }
  return { name, string_match: stringMatch(matcher), ...inverted }
}

/** Envoy's `StringMatcher` of a condition that has one. */
export function stringMatch({ exact, prefix, suffix, contains, regex }: Omit<Matcher, 'name'>): Message {
  if (exact !== undefined) return { exact }
  if (prefix !== undefined) return { prefix }
  if (suffix !== undefined) return { suffix }
  if (contains !== undefined) return { contains }
  return { safe_regex: { regex } }
}

/** Matches any of some words, which hold no characters that are special in a regex. */
export function anyOf(words: readonly string[]): Message {
  return words.length === 1 ? { exact: words[0] } : { safe_regex: { regex: words.join('|') } }
}
