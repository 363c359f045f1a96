import { createHash, timingSafeEqual } from 'node:crypto'
import { refusal } from './refusal.ts'

/** Answers whether an `Authorization` header carries the token (RFC 6750); throws `unauthorized` where not. */
export function createAccess(token: string): (authorization: string | undefined) => void {
  const expected = digest(token)
  return (authorization) => {
    const given = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    // Digests have one length, so that the comparison takes as long for every guess.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return
    const message =
      authorization === undefined ? 'The request carries no token.' : 'The token is not the right one.'
    throw refusal(
      'unauthorized',
      message,
      'send "Authorization: Bearer TOKEN"; `weir token` prints the token',
    )
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

const openRoutes = new Set(['/healthz', '/readyz'])

/**
 * Whether a route is served without a token. It is decided by the route that matched, never by the URL's text,
 * which can be spelled in many ways; what is not known to be open is closed.
 */
export function isOpen(route: string | undefined, url: string): boolean {
  if (route === undefined) return !/^\/+v1(?:[/?]|$)/.test(url)
  return openRoutes.has(route) || route === '/docs' || route.startsWith('/docs/')
}
