import type { Message } from '../../envoy-api/types.ts'
import { entryKey, partsAsked, policyEntry } from '../../model/descriptor.ts'
import type { LimitRule, RequestPart } from '../../model/limit-rule.ts'
import { payload } from '../auth/filters.ts'
import { expression, generic } from '../descriptor-actions.ts'

/**
 * Envoy's actions for one policy on a route (Envoy docs: RateLimit.Action): its name, then what of the request the rule
 * looks at. Null if a part of its key is nothing that Envoy can say yet: without it the key would be another. What plans
 * and overrides look at is left out instead, and the policy's own numbers hold.
 */
export function actionsOf(rule: LimitRule, route: string): Message[] | null {
  const parts = known.get(rule) ?? partsOf(rule)
  known.set(rule, parts)
  if (parts === null) return null
  return [generic(policyEntry, rule.policy), ...parts.map((part) => action(part, route))]
}

/** A rule may have thousands of overrides, and be on thousands of routes. */
const known = new WeakMap<LimitRule, RequestPart[] | null>()

function partsOf(rule: LimitRule): RequestPart[] | null {
  if (rule.key.some((part) => part.kind !== 'constant' && !isSayable(part))) return null
  return partsAsked(rule).filter(isSayable)
}

/** Consumers and their plans are known by API keys. */
function isSayable({ kind }: RequestPart): boolean {
  return !['consumer', 'plan'].includes(kind)
}

function action(part: RequestPart, route: string): Message {
  switch (part.kind) {
    case 'header':
      return requestHeader(part.name, entryKey(part))
    case 'path':
    case 'query':
      // In the form in which routes match it, the query with it, and before any rewrite.
      return requestHeader(':path', entryKey(part))
    case 'method':
      return requestHeader(':method', entryKey(part))
    case 'cookie':
      return allLines('cookie', entryKey(part))
    case 'jwt_claim':
      return claim(part.name, entryKey(part))
    case 'client_certificate':
      return certificate(entryKey(part))
    case 'client_ip':
      return { remote_address: {} }
    case 'route':
      return generic(entryKey(part), route)
    default:
      throw new Error(`Envoy cannot say a request's ${part.kind}`)
  }
}

/**
 * Of a header that comes several times Envoy sends the first line; an empty one is an entry with an empty value. Without
 * skip_if_absent it would drop the whole descriptor of a request that lacks the header, and leaving it out would evade
 * the limit.
 */
export function requestHeader(name: string, key: string, skip = true): Message {
  return { request_headers: { header_name: name, descriptor_key: key, skip_if_absent: skip } }
}

/**
 * A claim of a verified token, where jwt_authn leaves them. Envoy says texts alone: a number, a boolean, a list or an empty
 * text is as if the token had no such claim.
 */
export function claim(name: string, key: string, skip = true): Message {
  const path = [{ key: payload.key }, { key: name }]
  const metadata_key = { key: payload.namespace, path }
  return { metadata: { descriptor_key: key, metadata_key, source: 'DYNAMIC', skip_if_absent: skip } }
}

/**
 * Whose certificate it is, in the words of `AuthPolicy.allow.certificates`. Where there is none the expression looks for
 * what nobody has and fails, and the entry is left out; Envoy would say it empty otherwise.
 */
export function certificate(key: string, skip = true): Message {
  const names = ['uri_san', 'dns_san'].map((kind) => `connection.${kind}_peer_certificate`)
  const identity = names.reduceRight(
    (otherwise, name) => `has(${name}) && ${name} != '' ? ${name} : (${otherwise})`,
    'connection.subject_peer_certificate',
  )
  const text = `connection.mtls ? (${identity}) : metadata.filter_metadata['none']['none']`
  return expression(key, text, skip)
}

/**
 * All lines of a header, with commas between them. A client may write `cookie` several times over HTTP/1.1, and would
 * hide a cookie behind the first line. An expression on a header that is not there is an error, and its entry left out
 * (Envoy docs: rate_limit_descriptors.expr.v3.Descriptor, request attributes).
 */
function allLines(name: string, key: string): Message {
  return expression(key, `request.headers['${name}']`, true)
}
