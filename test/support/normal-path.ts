/**
 * The form into which Envoy brings a path before it looks for a route (docs/routing.md): `\` becomes `/`, escaped
 * characters that need no escape are unescaped, `.` and `..` are resolved, and `//` becomes `/`. The query stays.
 */
export function normalPath(target: string): string {
  const at = target.indexOf('?')
  const [path, query] = at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at)]
  const plain = path.replaceAll('\\', '/').replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const character = decodeURIComponent(/%[0-7]/.test(escaped) ? escaped : '%00')
    return /[A-Za-z0-9._~-]/.test(character) ? character : escaped
  })
  const merged = resolved(plain).replace(/\/\/+/g, '/')
  // Slashes alone are the one case in which Envoy leaves two.
  return (merged === '/' && resolved(plain) !== '/' ? '//' : merged) + query
}

/** A path with one of these is answered by a redirect to its plain form. */
export function hasEscapedSlash(target: string): boolean {
  return /^[^?]*%(2f|5c)/i.test(target)
}

function resolved(path: string): string {
  const kept: string[] = []
  const list = path.split('/').slice(1)
  for (const [index, segment] of list.entries()) {
    const isLast = index === list.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (isLast && (segment === '.' || segment === '..')) kept.push('')
  }
  return `/${kept.join('/')}`
}
