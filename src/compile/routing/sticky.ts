import { createHash } from 'node:crypto'
import type { Message } from '../../envoy-api/types.ts'
import { milliseconds } from '../../model/duration.ts'
import type { Hash } from '../../model/hash.ts'
import type { EffectiveRoute } from '../../model/route-spec.ts'

/** A cookie with a life, which Envoy is to give; one without is the service's own, and only hashed. */
export function stickyCookie({ forward = [], hash = [] }: EffectiveRoute): Hash | undefined {
  return forward.length > 1 ? hash.find(({ ttl }) => ttl !== undefined) : undefined
}

/** Says which part of a split a client is on without saying what the parts are called. */
export function partOf(route: string, cluster: string): string {
  return createHash('sha256').update(`${route} ${cluster}`).digest('base64url').slice(0, 12)
}

/**
 * The header by which a client gets its cookie: Envoy hashes cookies for a split and makes none. The answer of the part
 * that was drawn sets it, and a route that matches it goes before the split (`envoy-routes.ts`).
 */
export function giveCookie({ name, ttl }: Hash, part: string): Message {
  const seconds = Math.ceil(milliseconds(ttl!) / 1000)
  const life = seconds === 0 ? '' : `; Max-Age=${seconds}`
  // Envoy looks for substitutions in it, and a name may hold a percent sign.
  const value = `${name!.replaceAll('%', '%%')}=${part}; Path=/; HttpOnly; SameSite=Lax${life}`
  return {
    response_headers_to_add: [
      { header: { key: 'set-cookie', value }, append_action: 'APPEND_IF_EXISTS_OR_ADD' },
    ],
  }
}
