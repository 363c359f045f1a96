import { any } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import type { GatewaySpec } from '../model/gateway.ts'
import { bytes } from '../model/size.ts'
import type { HttpFilter } from '../policies/policy-kind.ts'

/** Names of the rules, which Envoy writes into `response.code_details`; no policy of a user can have one of them. */
export const malformed = { host: 'weir:host', path: 'weir:path' } as const

/** As those of `malformed`. */
export const longUrl = 'weir:url'

/**
 * Refuses what Envoy 1.40 lets pass and services read in different ways:
 * - A host that is no name or address: several `Host` lines, which Envoy joins with commas (RFC 9112, section 3.2), user
 *   information, escapes.
 * - Dot segments with parameters, as Envoy's normal form leaves them where the dots were escaped (`%2e%2e;`), and some
 *   services resolve them.
 * - URLs that are longer than the gateway takes.
 */
export function wellFormed({ maxUrlBytes }: Pick<GatewaySpec, 'maxUrlBytes'>): HttpFilter {
  const host = {
    header: { name: ':authority', string_match: { safe_regex: { regex: hostRegex } }, invert_match: true },
  }
  const dots = ['/..;', '/.;'].map((contains) => ({ url_path: { path: { contains } } }))
  const config = any('envoy.extensions.filters.http.rbac.v3.RBAC', {
    rules: {
      action: 'DENY',
      policies: {
        [malformed.host]: policy(host),
        [malformed.path]: policy({ or_rules: { rules: dots } }),
        ...(maxUrlBytes !== undefined && {
          [longUrl]: { ...policy({ any: true }), condition: isLonger(bytes(maxUrlBytes)) },
        }),
      },
    },
    rules_stat_prefix: 'malformed.',
  })
  return { phase: 'strip', name: 'weir.well_formed', config }
}

const hostRegex = '([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?'

function policy(permission: Message): Message {
  return { permissions: [permission], principals: [{ any: true }] }
}

/**
 * `size(request.path) > n` in CEL, with the query. It counts characters, which are bytes: Envoy has refused or escaped all
 * others than those of ASCII. No regular expression may count so far.
 */
function isLonger(maxBytes: number): Message {
  const path = { select_expr: { operand: { ident_expr: { name: 'request' } }, field: 'path' } }
  const size = call('size', path)
  return call('_>_', size, { const_expr: { int64_value: maxBytes } })
}

function call(name: string, ...args: Message[]): Message {
  return { call_expr: { function: name, args } }
}
