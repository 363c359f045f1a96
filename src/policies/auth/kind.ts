import { any } from '../../envoy-api/build.ts'
import type { Problem } from '../../errors.ts'
import type { Document } from '../../model/document.ts'
import { untouchableProblem } from '../../model/header.ts'
import type { Reference } from '../../model/kind.ts'
import { matcherProblems } from '../../model/matcher.ts'
import { oneOf } from '../../model/one-of.ts'
import type { EffectiveRoute } from '../../model/route-spec.ts'
import { escapePointer } from '../../model/walk.ts'
import type { PolicyKind, RouteContext, RouteContribution } from '../policy-kind.ts'
import { access } from './access.ts'
import type { Callers } from './callers-schema.ts'
import { accessFilter, filters, jwtFilter, jwtPackage } from './filters.ts'
import { type AuthPolicy, demandOf, extensions } from './jwt.ts'
import type { Jwt } from './jwt-schema.ts'
import { AuthSpec } from './schema.ts'
import { routeWarnings, warnings } from './warnings.ts'

/** Who may call, by Envoy's jwt_authn and rbac filters. API keys are to come, and routes that need them answer 503. */
export const auth: PolicyKind = {
  kind: 'AuthPolicy',
  plural: 'auth-policies',
  description: 'Who may call.',
  spec: AuthSpec,
  example: { name: 'api-keys', spec: { apiKey: { in: [{ header: 'x-api-key' }] } } },
  references,
  check,
  warnings,
  routeWarnings,
  filters,
  extensions,
  namedBy,
  route,
  credentials,
}

/** Of routes that Envoy answers itself, too: its filters come first. */
function namedBy({ auth = [] }: EffectiveRoute): string[] {
  return auth
}

function route(context: RouteContext): RouteContribution {
  const policies = context.policies as unknown as AuthPolicy[]
  const demand = demandOf(policies)
  const rules = access(policies)
  const asking = policies.filter(({ spec: { jwt, mode } }) => jwt !== undefined && mode !== 'shadow')
  const kept = policies.every(({ spec: { jwt } }) => jwt === undefined || jwt.forward === true)
  return {
    perFilterConfig: {
      ...(demand !== undefined && {
        [jwtFilter]: any(`${jwtPackage}.PerRouteConfig`, { requirement_name: demand }),
      }),
      ...(rules !== undefined && { [accessFilter]: rules }),
    },
    ...(asking.length > 0 && {
      refusers: { jwt_authn_access_denied: asking.map(({ name }) => name).join(', ') },
    }),
    removedHeaders: kept ? [] : ['authorization'],
  }
}

function check(document: Document): Problem[] {
  const { jwt, allow, deny } = document.spec as AuthSpec
  return [
    ...(jwt === undefined ? [] : jwtProblems(jwt)),
    ...callersProblems(allow, '/spec/allow'),
    ...callersProblems(deny, '/spec/deny'),
  ]
}

function jwtProblems({ jwks, headers = {} }: Jwt): Problem[] {
  return [
    ...oneOf(jwks, '/spec/jwt/jwks', ['cluster', 'inline']),
    ...clusterProblems(jwks),
    ...Object.keys(headers).flatMap((name) => {
      const pointer = `/spec/jwt/headers/${escapePointer(name)}`
      if (!reserved.test(name)) return untouchableProblem(name, pointer)
      const message = `"${name}" has a meaning of its own to Envoy or to upstreams`
      return [{ pointer, message, remedy: 'write the claim into another header, for example x-user' }]
    }),
  ]
}

/** With an underscore the edge takes no header of a client, and services may read another. */
const reserved =
  /^(x-envoy-.*|x-forwarded-.*|forwarded|x-real-ip|x-request-id|x-b3-.*|b3|traceparent|tracestate|via|authorization|cookie|content-.*|.*_.*)$/

function clusterProblems({ cluster, path, host }: Jwt['jwks']): Problem[] {
  const pointer = '/spec/jwt/jwks'
  if (cluster === undefined && host !== undefined) {
    const message = 'nobody is asked for inline keys'
    return [{ pointer: `${pointer}/host`, message, remedy: 'remove it' }]
  }
  if ((cluster === undefined) === (path === undefined)) return []
  const message = 'cluster and path belong together'
  return [{ pointer, message, remedy: 'write both, or inline alone' }]
}

function callersProblems(callers: Callers | undefined, pointer: string): Problem[] {
  return [
    ...(callers?.paths ?? []).flatMap((path, index) =>
      oneOf(path, `${pointer}/paths/${index}`, ['prefix', 'exact', 'regex']),
    ),
    ...matcherProblems(callers?.headers, `${pointer}/headers`),
  ]
}

function credentials(spec: unknown): string[] {
  const places = (spec as AuthSpec).apiKey?.in ?? []
  return places.flatMap((place) => Object.entries(place).map(([kind, name]) => `${kind}:${name}`))
}

function references({ jwt }: AuthSpec): Reference[] {
  const cluster = jwt?.jwks.cluster
  return cluster === undefined ? [] : [{ pointer: '/spec/jwt/jwks/cluster', kind: 'Cluster', name: cluster }]
}
