/** A path without a query. */
export const pathPattern = '^/[^?#\\s\\u0000-\\u001f\\u007f]*$'

/**
 * Why a path can never be that of a request: Envoy brings every path into its normal form before it looks for a route
 * (normalize_path, merge_slashes, escaped slashes redirected), so a route, and the limit on it, that is written in
 * another form would silently take nothing. Answers with the words that follow the field.
 */
export function pathProblem(path: string): string | undefined {
  if (!/^[\x21-\x7e]*$/.test(path)) return `has characters that a URL escapes; write ${encodeURI(path)}`
  if (path.includes('\\')) return 'has a backslash, which becomes a slash'
  if (/%2f|%5c/i.test(path)) return 'has an escaped slash, which is redirected to its plain form'
  const unreserved = /%(2d|2e|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/i.exec(path)
  if (unreserved !== null)
    return `escapes a character that needs none; write ${decodeURIComponent(unreserved[0])}`
  if (path.includes('//')) return 'has two slashes in a row, which become one'
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) {
    return 'has "." or ".." as a segment, which is resolved'
  }
  return undefined
}
