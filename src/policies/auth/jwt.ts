import { createHash } from 'node:crypto'
import { any, duration } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { keySetProblem } from '../../model/key-set.ts'
import type { ExtensionContext } from '../policy-kind.ts'
import { jwtFilter, jwtPackage, mutationPackage, payload, stripFilter } from './filters.ts'
import type { Jwt } from './jwt-schema.ts'
import type { AuthSpec } from './schema.ts'

/** An AuthPolicy, its defaults filled in. */
export interface AuthPolicy {
  name: string
  spec: AuthSpec
}

/** A policy that asks for a token, as part of what a route demands: in shadow a token may be missing or wrong. */
interface Asked {
  provider: string
  shadow: boolean
}

/** What a route demands of tokens, by its name in the filter's `requirement_map`; nothing if it demands none. */
export function demandOf(policies: readonly AuthPolicy[]): string | undefined {
  const asked = askedOf(policies)
  return asked.length === 0 ? undefined : nameOf(asked)
}

function askedOf(policies: readonly AuthPolicy[]): Asked[] {
  return policies
    .filter(({ spec }) => spec.jwt !== undefined)
    .map((policy) => ({ provider: providerOf(policy), shadow: policy.spec.mode === 'shadow' }))
}

/** No name of a provider has a comma or a question mark in it. */
function nameOf(asked: readonly Asked[]): string {
  return asked.map(({ provider, shadow }) => (shadow ? `${provider}?` : provider)).join(',')
}

/**
 * The name of what verifies a policy's tokens. It changes with whom and what the policy believes: so what routes name never
 * means anything else than it did, and an edit is in force with the routes that it changes, all at once.
 */
function providerOf({ name, spec }: AuthPolicy): string {
  const { issuer, audiences, jwks, headers = {} } = spec.jwt!
  const { cluster, path, host, inline } = jwks
  const claims = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1))
  const content = JSON.stringify([issuer, audiences, cluster, path, host, inline, claims])
  return `${name}@${createHash('sha256').update(content).digest('base64url').slice(0, 12)}`
}

/** `JwtRequirement`: all must hold. */
function requirement(asked: readonly Asked[]): Message {
  const each = asked.map(({ provider, shadow }) => {
    const demanded = { provider_name: provider }
    return shadow ? { requires_any: { requirements: [demanded, { allow_missing_or_failed: {} }] } } : demanded
  })
  return each.length === 1 ? each[0]! : { requires_all: { requirements: each } }
}

/** What the filters of a gateway get by ECDS, by their names: all that follows from the policies of its routes. */
export function extensions({ routes, hostOf }: ExtensionContext): Record<string, Message> {
  const policies = new Map(
    routes.flatMap((route) => (route.policies as unknown as AuthPolicy[]).map((each) => [each.name, each])),
  )
  const issuing = [...policies.values()].filter(({ spec }) => isUsable(spec.jwt))
  const known = new Set(issuing.map(providerOf))
  // Each policy by itself, and in either mode: what changes here costs Envoy all keys that it fetched.
  const alone = [...known].flatMap((provider) => [
    [{ provider, shadow: false }],
    [{ provider, shadow: true }],
  ])
  const together = routes.map((route) => askedOf(route.policies as unknown as AuthPolicy[]))
  const demands = [...alone, ...together].filter(
    (asked) => asked.length > 0 && asked.every(({ provider }) => known.has(provider)),
  )
  const headers = new Set(issuing.flatMap(({ spec }) => Object.keys(spec.jwt!.headers ?? {})))
  return {
    [stripFilter]: any(`${mutationPackage}.HeaderMutation`, {
      mutations: { request_mutations: [...headers].sort().map((remove) => ({ remove })) },
    }),
    [jwtFilter]: any(`${jwtPackage}.JwtAuthentication`, {
      providers: Object.fromEntries(
        issuing.map((policy) => [providerOf(policy), provider(policy.spec.jwt!, hostOf)]),
      ),
      requirement_map: Object.fromEntries(
        demands
          .map((asked) => [nameOf(asked), requirement(asked)] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
    }),
  }
}

/** For one key set without a good key Envoy refuses all of them; so its policy is unknown to it, and nobody passes. */
function isUsable(jwt: Jwt | undefined): boolean {
  const inline = jwt?.jwks.inline
  return jwt !== undefined && (inline === undefined || keySetProblem(inline) === undefined)
}

function provider(jwt: Jwt, hostOf: ExtensionContext['hostOf']): Message {
  const { issuer, audiences, headers = {} } = jwt
  return {
    issuer,
    ...(audiences !== undefined && { audiences }),
    // Taken away by the route at the very end: filters in between, and the policies of one route, all need it.
    forward: true,
    // Not from the query, where logs and Referer headers would carry it on (RFC 9700, section 4.3.2).
    from_headers: [{ name: 'authorization', value_prefix: 'Bearer ' }],
    payload_in_metadata: payload.key,
    // `scope` is a list in one text (RFC 8693, section 4.2).
    normalize_payload_in_metadata: { space_delimited_claims: ['scope'] },
    claim_to_headers: Object.entries(headers).map(([header_name, claim_name]) => ({
      header_name,
      claim_name,
    })),
    ...keys(jwt.jwks, hostOf),
  }
}

function keys(jwks: Jwt['jwks'], hostOf: ExtensionContext['hostOf']): Message {
  const { cluster, path, host, inline } = jwks
  if (inline !== undefined) return { local_jwks: { inline_string: inline } }
  return {
    remote_jwks: {
      http_uri: { uri: `http://${host ?? hostOf(cluster!)}${path}`, cluster, timeout: duration(5_000) },
      cache_duration: duration(300_000),
      // Fetched when the policy arrives and before it runs out; while that fails, the keys of before hold.
      async_fetch: { fast_listener: true, failed_refetch_duration: duration(1_000) },
    },
  }
}
