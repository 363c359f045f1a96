import { any } from '../../envoy-api/build.ts'
import type { HttpFilter } from '../policy-kind.ts'

export const jwtFilter = 'envoy.filters.http.jwt_authn'
export const accessFilter = 'envoy.filters.http.rbac'
export const stripFilter = 'weir.claim_headers'

export const jwtPackage = 'envoy.extensions.filters.http.jwt_authn.v3'
export const rbacPackage = 'envoy.extensions.filters.http.rbac.v3'
export const mutationPackage = 'envoy.extensions.filters.http.header_mutation.v3'

/** Where jwt_authn leaves what a verified token says, under `payload` in its namespace of dynamic metadata. */
export const payload = { namespace: jwtFilter, key: 'payload' } as const

/**
 * Tokens are verified by jwt_authn, whose issuers come by ECDS: a route names no more than what it demands of them. An
 * empty one knows no demand, and refuses every route that has one (seen: 403), so that it is what holds until then.
 * All else that a policy says is in the routes, as rules of RBAC.
 */
export function filters(): HttpFilter[] {
  return [
    {
      phase: 'strip',
      name: stripFilter,
      config: any(`${mutationPackage}.HeaderMutation`, {}),
      discovered: true,
    },
    {
      phase: 'authn',
      name: jwtFilter,
      config: any(`${jwtPackage}.JwtAuthentication`, {}),
      discovered: true,
    },
    { phase: 'authz', name: accessFilter, config: any(`${rbacPackage}.RBAC`, {}) },
  ]
}
