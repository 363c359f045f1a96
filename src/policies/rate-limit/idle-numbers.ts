import { pathPattern, pathProblem } from '../../model/path.ts'
import type { Warning } from '../../model/pending.ts'
import { all, find, type State } from '../../model/state.ts'
import { escapePointer } from '../../model/walk.ts'
import type { RateLimitSpec } from './schema.ts'

type Told = Omit<Warning, 'kind' | 'name'>
type Match = NonNullable<RateLimitSpec['overrides']>[number]['match']
type Value = NonNullable<Match['path']>

/**
 * Numbers that are for no request at all. Plans, consumers and routes are values here, not references: one that does not
 * exist (yet) is allowed, and told.
 */
export function idleNumbers({ plans = {}, overrides = [] }: RateLimitSpec, state: State): Told[] {
  return [
    ...Object.keys(plans).flatMap((plan) =>
      unknown(`/spec/plans/${escapePointer(plan)}`, 'Plan', plan, state),
    ),
    ...overrides.flatMap(({ match }, index) => idleMatch(match, `/spec/overrides/${index}/match`, state)),
  ]
}

const forNobody = 'these numbers are for nobody'

function idleMatch(
  { consumer, plan, route, path, header, cookie }: Match,
  pointer: string,
  state: State,
): Told[] {
  return [
    ...unknown(`${pointer}/consumer`, 'Consumer', consumer, state),
    ...unknown(`${pointer}/plan`, 'Plan', plan, state),
    ...unknown(`${pointer}/route`, 'Route', route, state),
    ...(path === undefined ? [] : idlePath(path, `${pointer}/path`)),
    ...Object.keys(header ?? {})
      .filter((name) => name.includes('_'))
      .map((name) => ({
        pointer: `${pointer}/header/${escapePointer(name)}`,
        message: `Envoy refuses requests with "${name}", as with any header that has an underscore`,
        effect: forNobody,
      })),
    ...Object.entries(cookie ?? {})
      .filter(([, value]) => /[,;]/.test(textOf(value)))
      .map(([name]) => ({
        pointer: `${pointer}/cookie/${escapePointer(name)}`,
        message: 'the value of a cookie ends at a comma and at a semicolon',
        effect: forNobody,
      })),
  ]
}

function unknown(
  pointer: string,
  kind: 'Plan' | 'Consumer' | 'Route',
  value: Value | undefined,
  state: State,
): Told[] {
  if (value === undefined) return []
  const text = textOf(value)
  if (typeof value === 'string') {
    if (find(state, kind, text) !== undefined) return []
    return [{ pointer, message: `there is no ${kind}/${text}`, effect: forNobody }]
  }
  if (all(state, kind).some(({ document }) => document.name.startsWith(text))) return []
  return [{ pointer, message: `there is no ${kind} whose name starts with ${text}`, effect: forNobody }]
}

/** Of a prefix the end may be a part of anything. */
function idlePath(value: Value, pointer: string): Told[] {
  const path = textOf(value)
  const problem = typeof value === 'string' ? pathProblem(path) : undefined
  const why = new RegExp(pathPattern).test(path)
    ? problem
    : 'does not start with "/", or has a query or spaces'
  if (why === undefined) return []
  return [{ pointer, message: `"path" ${why}`, effect: `no request has such a path: ${forNobody}` }]
}

function textOf(value: Value): string {
  if (typeof value === 'string') return value
  return 'prefix' in value ? value.prefix : value.cidr
}
