import type { Problem } from '../../errors.ts'
import type { Document } from '../../model/document.ts'
import type { Reference } from '../../model/kind.ts'
import { oneOf } from '../../model/one-of.ts'
import type { PolicyKind } from '../policy-kind.ts'
import { AuthSpec } from './schema.ts'

/** Routes name it; how Envoy gets it is to come, and until then such routes answer 503. */
export const auth: PolicyKind = {
  kind: 'AuthPolicy',
  plural: 'auth-policies',
  description: 'Who may call.',
  spec: AuthSpec,
  example: { name: 'api-keys', spec: { apiKey: { in: [{ header: 'x-api-key' }] } } },
  references,
  check,
  credentials,
}

function check(document: Document): Problem[] {
  const { jwt } = document.spec as AuthSpec
  if (jwt === undefined) return []
  const { jwks } = jwt
  const problems = oneOf(jwks, '/spec/jwt/jwks', ['cluster', 'inline'])
  if ((jwks.cluster === undefined) === (jwks.path === undefined)) return problems
  const message = 'cluster and path belong together'
  return [...problems, { pointer: '/spec/jwt/jwks', message, remedy: 'write both, or inline alone' }]
}

function credentials(spec: unknown): string[] {
  const places = (spec as AuthSpec).apiKey?.in ?? []
  return places.flatMap((place) => Object.entries(place).map(([kind, name]) => `${kind}:${name}`))
}

function references({ jwt }: AuthSpec): Reference[] {
  const cluster = jwt?.jwks.cluster
  return cluster === undefined ? [] : [{ pointer: '/spec/jwt/jwks/cluster', kind: 'Cluster', name: cluster }]
}
