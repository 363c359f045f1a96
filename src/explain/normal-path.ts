/** What Envoy makes of a path before it looks for a route. */
export type NormalPath =
  | { kind: 'normal'; path: string }
  /** It sends the client to the plain form. */
  | { kind: 'redirect' }
  | { kind: 'refused' }

/**
 * A path with its query in the form in which routes and limits see it (Envoy docs: normalize_path, merge_slashes,
 * path_with_escaped_slashes_action; docs/routing.md): what needs no escape is unescaped, what does is escaped, `\` is `/`,
 * `.` and `..` are resolved, and `//` is `/`. The query stays as it is.
 */
export function normalPath(target: string): NormalPath {
  if (target.includes('#')) return { kind: 'refused' }
  const at = target.indexOf('?')
  const [path, query] = at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at)]
  if (path.includes('%00')) return { kind: 'refused' }
  if (/%(?:2f|5c)/i.test(path)) return { kind: 'redirect' }
  const plain = escapes(resolved(path.replaceAll('\\', '/')))
  if (/\/\.\.?;/.test(plain)) return { kind: 'refused' }
  // Of nothing but slashes Envoy leaves two.
  const merged = /^\/\/+$/.test(plain) ? '//' : plain.replace(/\/\/+/g, '/')
  return { kind: 'normal', path: merged + query }
}

function escapes(path: string): string {
  return path
    .replace(/%[0-9a-f]{2}/gi, (escaped) => {
      const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
      return /[A-Za-z0-9._~-]/.test(character) ? character : escaped
    })
    .replace(/["<>^`{|}]/g, encodeURIComponent)
}

/** Without segments `.` and `..` (RFC 3986, section 5.2.4), those with parameters among them. */
function resolved(path: string): string {
  const segments = path.split('/').slice(1)
  const kept: string[] = []
  for (const segment of segments) {
    const dots = dotsOf(segment)
    if (dots === '..') kept.pop()
    else if (dots === undefined) kept.push(segment)
  }
  const isFolder = dotsOf(segments.at(-1)!) !== undefined
  return `/${[...kept, ...(isFolder ? [''] : [])].join('/')}`
}

/** Escaped dots count where nothing follows them. */
function dotsOf(segment: string): string | undefined {
  const plain = /^\.\.?;/.test(segment) ? segment.slice(0, segment.indexOf(';')) : segment
  const dots = plain.replace(/%2e/gi, '.')
  return dots === '.' || dots === '..' ? dots : undefined
}
