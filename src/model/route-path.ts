import type { RouteMatch } from './route-match.ts'

/** A prefix without its trailing slash: `/fly/` means what `/fly` means, and `/` is the empty one. */
export function segments(prefix: string | undefined): string {
  return (prefix ?? '').replace(/\/+$/, '')
}

/**
 * Text that every path begins with that a match takes; the empty text where that is not plain to see. It is never too
 * long, and may be shorter than it could be.
 */
export function anchor({ exact, prefix, regex }: RouteMatch['path']): string {
  if (regex === undefined) return exact ?? segments(prefix)
  // With an alternative or flags the beginning need not be common to all that matches.
  if (regex.includes('|') || regex.includes('(?')) return ''
  const literal = /^\^?([a-zA-Z0-9/_-]*)(.?)/.exec(regex)!
  const [, text, next] = literal as unknown as [string, string, string]
  // `b?`, `b*`, `b{0}` may be no b at all.
  const start = /[?*{]/.test(next) ? text.slice(0, -1) : text
  // Every path begins with a slash: what begins otherwise takes none, wherever it is put.
  return start.startsWith('/') ? start : ''
}
