import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveRoute } from '../../model/route-spec.ts'
import { bytes } from '../../model/size.ts'
import type { ApartRequests, GatewayContext, RouteContext, RouteContribution } from '../policy-kind.ts'
import { bodyOf, bodyRefuser, noBodyBecause, refused } from './filters.ts'
import type { RequestSpec } from './schema.ts'

export function namedBy({ request }: EffectiveRoute): string[] {
  return request === undefined ? [] : [request]
}

/** What the gateway says holds on every route that says nothing. */
export function everyRoute({ spec }: GatewayContext): Record<string, Message> {
  return spec.maxRequestBytes === undefined ? {} : bodyOf(bytes(spec.maxRequestBytes))
}

export function route({ gateway, policies }: RouteContext): RouteContribution {
  const { name } = policies[0]!
  const { maxBytes, methods, contentTypes } = policies[0]!.spec as RequestSpec
  const bounds = [maxBytes, gateway.spec.maxRequestBytes].flatMap((size) =>
    size === undefined ? [] : [bytes(size)],
  )
  return {
    ...(bounds.length > 0 && { perFilterConfig: bodyOf(Math.min(...bounds)) }),
    // A bound of the gateway's is no policy's.
    ...(maxBytes !== undefined && bytes(maxBytes) === Math.min(...bounds) && { refusers: bodyRefuser(name) }),
    apart: [
      ...(methods === undefined ? [] : [otherMethods(name, methods)]),
      ...(contentTypes === undefined ? [] : [otherTypes(name, contentTypes)]),
    ],
  }
}

/** Answered before anything is asked or counted, as what no route takes is. */
function otherMethods(policy: string, methods: readonly string[]): ApartRequests {
  const string_match = { safe_regex: { regex: methods.join('|') } }
  return {
    headers: [{ name: ':method', string_match, invert_match: true }],
    perFilterConfig: refused('method'),
    refusers: { direct_response: policy },
    answer: { status: 405, headers: { allow: methods.join(', ') } },
  }
}

/**
 * They may have no body. Headers do not always say whether there is one (RFC 9113, section 8.1: without content-length
 * it ends where the stream does), so that they go where the others go, and a body is refused when it comes.
 */
function otherTypes(policy: string, types: readonly string[]): ApartRequests {
  // A comma outside of quotes is where Envoy joined two lines, of which services may read either.
  const parameters = '(?:;(?:[^",]|"(?:[^"\\\\]|\\\\.)*")*)?'
  const regex = `(?i:${types.map(typeRegex).join('|')})[ \\t]*${parameters}`
  const matcher = { name: 'content-type', string_match: { safe_regex: { regex } } }
  return {
    headers: [{ ...matcher, invert_match: true, treat_missing_header_as_empty: true }],
    perFilterConfig: noBodyBecause('content_type'),
    refusers: bodyRefuser(policy),
  }
}

function typeRegex(type: string): string {
  const literal = type.replace(/[.+^$]/g, '\\$&')
  return literal.endsWith('/*') ? `${literal.slice(0, -1)}[^;, \\t]+` : literal
}
