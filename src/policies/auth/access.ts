import { any, newer, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { segments } from '../../model/route-path.ts'
import { anyOf, headerMatch, stringMatch } from '../header-match.ts'
import type { Callers } from './callers-schema.ts'
import { payload, rbacPackage } from './filters.ts'
import type { AuthPolicy } from './jwt.ts'
import type { Jwt } from './jwt-schema.ts'

/**
 * The RBAC rules of a route (`RBACPerRoute`), nothing if its policies need none. They deny, each policy under its name,
 * what violates it: so all policies must hold, whoever is told why is told by which, and what is not there (a claim, a
 * certificate) never lets anybody pass.
 */
export function access(policies: readonly AuthPolicy[]): Message | undefined {
  const violations = policies.flatMap(({ name, spec }) => {
    const principals = violationsOf(spec)
    return principals.length === 0 ? [] : [{ name, shadow: spec.mode === 'shadow', principals }]
  })
  if (violations.length === 0) return undefined
  const rules = (shadow: boolean) => {
    const own = violations.filter((each) => each.shadow === shadow)
    const named = own.map(({ name, principals }) => [name, { permissions: [{ any: true }], principals }])
    return { action: 'DENY', policies: Object.fromEntries(named) }
  }
  return any(`${rbacPackage}.RBACPerRoute`, {
    rbac: {
      ...(violations.some(({ shadow }) => !shadow) && { rules: rules(false) }),
      ...(violations.some(({ shadow }) => shadow) && { shadow_rules: rules(true) }),
    },
  })
}

/** `Principal`s of which each is somebody whom the policy refuses. */
function violationsOf({ jwt, allow, deny, mode }: AuthPolicy['spec']): Message[] {
  const needed = [
    ...(jwt === undefined ? [] : tokenConditions(jwt, mode === 'shadow')),
    ...(allow === undefined ? [] : conditions(allow)),
  ]
  return [
    ...(needed.length === 0 ? [] : [{ not_id: all(needed) }]),
    ...(deny === undefined ? [] : [all(conditions(deny))]),
  ]
}

/**
 * Every verified token is one of an issuer that some policy of the route knows, so that whose it is counts, too. In
 * shadow the filter lets tokens for others pass.
 */
function tokenConditions({ issuer, audiences, claims = {} }: Jwt, shadow: boolean): Message[] {
  return [
    claim('iss', [issuer]),
    ...(shadow && audiences !== undefined ? [claim('aud', audiences)] : []),
    ...Object.entries(claims).map(([name, values]) => claim(name, values)),
  ]
}

/** A claim, or one inside of others, has one of some values or is a list that has. */
function claim(name: string, values: readonly string[]): Message {
  const matchers = values.flatMap(valueMatchers)
  const value = {
    or_match: { value_matchers: [...matchers, ...matchers.map((one_of) => ({ list_match: { one_of } }))] },
  }
  const nested = name.split('.')
  const paths = nested.length > 1 && !nested.includes('') ? [[name], nested] : [[name]]
  return either(
    paths.map((path) => {
      const keys = [payload.key, ...path].map((key) => ({ key }))
      const metadata_matcher = { filter: payload.namespace, path: keys, value }
      return newer('envoy.config.rbac.v3', { sourced_metadata: { metadata_matcher } })
    }),
  )
}

/** Values are written as texts; numbers and booleans of a token are those that read the same. */
function valueMatchers(value: string): Message[] {
  const number = /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value) ? [{ double_match: { exact: Number(value) } }] : []
  const boolean = value === 'true' || value === 'false' ? [{ bool_match: value === 'true' }] : []
  return [{ string_match: { exact: value } }, ...number, ...boolean]
}

function conditions({ ips, paths, methods, headers = [], certificates }: Callers): Message[] {
  return [
    // The address by which limits count, too: with trusted hops it is what they wrote, else the peer's.
    ...(ips === undefined ? [] : [either(ips.map((block) => ({ remote_ip: cidr(block) })))]),
    ...(paths === undefined ? [] : [either(paths.flatMap(pathConditions))]),
    ...(methods === undefined ? [] : [{ header: { name: ':method', string_match: anyOf(methods) } }]),
    ...headers.map((matcher) => ({ header: headerMatch(matcher) })),
    ...(certificates === undefined
      ? []
      : [either(certificates.map((each) => ({ authenticated: { principal_name: stringMatch(each) } })))]),
  ]
}

function cidr(block: string): Message {
  const [address_prefix = '', bits = address_prefix.includes(':') ? '128' : '32'] = block.split('/')
  return { address_prefix, prefix_len: wrap(Number(bits)) }
}

function pathConditions({ exact, prefix, regex }: NonNullable<Callers['paths']>[number]): Message[] {
  const path = (match: Message) => ({ url_path: { path: match } })
  if (exact !== undefined) return [path({ exact })]
  if (regex !== undefined) return [path({ safe_regex: { regex } })]
  // By whole segments, as routes match them.
  const whole = segments(prefix)
  return whole === '' ? [path({ prefix: '/' })] : [path({ exact: whole }), path({ prefix: `${whole}/` })]
}

/** Nothing holds for everybody, as no conditions do; Envoy takes no empty list. */
function all(ids: Message[]): Message {
  if (ids.length === 0) return { any: true }
  return ids.length === 1 ? ids[0]! : { and_ids: { ids } }
}

function either(ids: Message[]): Message {
  return ids.length === 1 ? ids[0]! : { or_ids: { ids } }
}
