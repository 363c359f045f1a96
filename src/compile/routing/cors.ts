import { any, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { milliseconds } from '../../model/duration.ts'
import type { RouteMatch } from '../../model/route-match.ts'
import type { Cors } from '../../model/route-policies.ts'
import { anyOf } from '../../policies/header-match.ts'
import { routeMatch } from './match.ts'

export const corsFilter = 'envoy.filters.http.cors'

/** Envoy docs: configuration/http/http_filters/cors_filter. */
export function corsPolicy(cors: Cors): Message {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } = cors
  return any('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
    allow_origin_string_match: allowOrigins.map((exact) => ({ exact })),
    ...(allowMethods !== undefined && { allow_methods: allowMethods.join(', ') }),
    ...(allowHeaders !== undefined && { allow_headers: allowHeaders.join(', ') }),
    ...(exposeHeaders !== undefined && { expose_headers: exposeHeaders.join(', ') }),
    ...(allowCredentials !== undefined && { allow_credentials: wrap(allowCredentials) }),
    ...(maxAge !== undefined && { max_age: String(Math.ceil(milliseconds(maxAge) / 1000)) }),
    // A preflight is a question to the gateway; the service behind would not know what to do with it.
    forward_not_matching_preflights: wrap(false),
  })
}

/**
 * Whether a route does not take its preflights itself, since it has conditions that a browser's OPTIONS request does not
 * fulfil: it has another method, and neither cookies nor the headers that it asks for (Fetch standard, section 4.8,
 * "CORS-preflight fetch").
 */
export function missesPreflights({ methods = [], headers = [], cookies = [] }: RouteMatch): boolean {
  return methods.length + headers.length + cookies.length > 0
}

/** The preflights of a route, whatever else it asks of its requests. */
export function preflightMatch({ path, methods = [], query = [] }: RouteMatch): Message {
  const match = routeMatch({ path, query })
  const asked = { name: 'access-control-request-method' }
  const preflight = [
    { name: ':method', string_match: { exact: 'OPTIONS' } },
    { name: 'origin', present_match: true },
    methods.length === 0 ? { ...asked, present_match: true } : { ...asked, string_match: anyOf(methods) },
  ]
  return { ...match, headers: [...preflight, ...((match.headers as Message[] | undefined) ?? [])] }
}
