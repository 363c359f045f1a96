import { RE2JS } from 're2js'
import type { Matcher } from '../../model/matcher.ts'

/**
 * An expression for a path with its query whose first parameter of the matcher's name fulfils its condition, `invert`
 * left aside; none when no value can. Parameters are compared as they are written, since Envoy decodes none.
 */
export function parameterRegex(matcher: Matcher): string | undefined {
  const value = valueRegex(matcher)
  if (value === undefined) return undefined
  const before = `(?:${otherThan([...matcher.name])}(?:=[^&]*)?&)*`
  return `[^?]*\\?${before}${RE2JS.quote(matcher.name)}${value}(?:&.*)?`
}

/** What may follow the name: a missing `=` is the empty value. */
function valueRegex({ exact, prefix, suffix, contains }: Matcher): string | undefined {
  const text = exact ?? prefix ?? suffix ?? contains
  if (text === undefined) return '(?:=[^&]*)?'
  // A value ends before the next parameter, so that none has this text.
  if (text.includes('&')) return undefined
  const quoted = RE2JS.quote(text)
  if (exact !== undefined) return exact === '' ? '=?' : `=${quoted}`
  if (prefix !== undefined) return `=${quoted}[^&]*`
  return suffix !== undefined ? `=[^&]*${quoted}` : `=[^&]*${quoted}[^&]*`
}

/** Names other than this one, the empty one included: RE2 cannot look ahead, so each differs at one of the characters. */
function otherThan(name: readonly string[]): string {
  return name.reduceRight((rest, character) => {
    const quoted = /[a-zA-Z0-9]/.test(character) ? character : `\\${character}`
    return `(?:[^&=${quoted}][^&=]*|${RE2JS.quote(character)}${rest})?`
  }, '[^&=]+')
}
