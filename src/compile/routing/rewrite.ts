import { RE2JS } from 're2js'
import type { Message } from '../../envoy-api/types.ts'
import type { Rewrite } from '../../model/route-action.ts'
import type { RouteMatch } from '../../model/route-match.ts'
import { segments } from '../../model/route-path.ts'

/**
 * How the path changes before it is forwarded; the query stays. Envoy replaces the matched text as it is, so that a
 * prefix that becomes `/`, or the prefix `/` itself, would leave two slashes or none where the parts meet.
 */
export function pathRewrite(path: RouteMatch['path'], rewrite: Rewrite | undefined): Message {
  if (rewrite === undefined) return {}
  const { prefix, regex, substitution } = rewrite
  if (regex !== undefined) return { regex_rewrite: { pattern: { regex }, substitution } }
  if (path.prefix === undefined) return { prefix_rewrite: prefix }
  const from = segments(path.prefix)
  const to = segments(prefix)
  if (from === '') return to === '' ? {} : { prefix_rewrite: `${to}/` }
  if (to !== '') return { prefix_rewrite: to }
  return { regex_rewrite: { pattern: { regex: `^${RE2JS.quote(from)}/?` }, substitution: '/' } }
}
