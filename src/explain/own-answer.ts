import { corsFilter } from '../compile/routing/cors.ts'
import type { Message } from '../envoy-api/types.ts'
import type { AskedRequest } from './asked-request.ts'
import type { Met } from './route-of.ts'

/** An answer that Envoy gives itself, without asking a limit or an upstream. */
export interface OwnAnswer {
  status: number
  reason: string
}

const redirectStatus: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
}

/** What Envoy answers itself on the route that a request meets; nothing where it forwards. */
export function ownAnswer({ route, message }: Met, request: AskedRequest): OwnAnswer | undefined {
  const { direct_response, redirect } = message as Record<string, Message | undefined>
  if (route.closed) {
    const why =
      route.missing.length > 0
        ? `${route.missing.join(', ')} cannot be read`
        : 'a part of it is not served yet'
    return { status: 503, reason: `the route is closed, since ${why}` }
  }
  if (direct_response !== undefined)
    return { status: direct_response.status as number, reason: 'the gateway answers by itself' }
  if (redirect !== undefined)
    return { status: redirectStatus[redirect.response_code as string]!, reason: 'the gateway redirects' }
  if (isPreflight(message, request))
    return { status: 200, reason: 'the gateway answers the preflight by itself' }
  return undefined
}

/** Whatever its origin, since no preflight is forwarded (Envoy docs: cors.v3.CorsPolicy). */
function isPreflight({ typed_per_filter_config: filters = {} }: Message, { method, headers }: AskedRequest) {
  const has = (name: string) => (headers.get(name)?.[0] ?? '') !== ''
  return (
    method === 'OPTIONS' &&
    Object.hasOwn(filters as object, corsFilter) &&
    has('origin') &&
    has('access-control-request-method')
  )
}
