import type { Request } from './arbitrary-requests.ts'
import type { MatchedRoute } from './matcher-oracle.ts'

/** Routes, and one request that is answered otherwise than expected. */
export interface Case {
  routes: readonly MatchedRoute[]
  request: Request
}

/** The large ones take seconds each. */
const maxMilliseconds = 60_000

/** Takes away routes, their conditions and parts of the request for as long as the case still `fails`. */
export async function smallest(start: Case, fails: (smaller: Case) => Promise<boolean>): Promise<Case> {
  const until = performance.now() + maxMilliseconds
  let current = start
  for (let found = true; found; ) {
    found = false
    for (const smaller of smallerCases(current)) {
      if (performance.now() > until) return current
      if (!(await fails(smaller))) continue
      current = smaller
      found = true
      break
    }
  }
  return current
}

function* smallerCases({ routes, request }: Case): Iterable<Case> {
  for (let size = Math.ceil(routes.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < routes.length; start += size) {
      if (routes.length > size) yield { routes: routes.toSpliced(start, size), request }
    }
  }
  for (const list of ['headers', 'cookies'] as const) {
    for (const index of request[list].keys())
      yield { routes, request: { ...request, [list]: request[list].toSpliced(index, 1) } }
  }
  const [path, query] = request.path.split('?') as [string, string?]
  if (query !== undefined) yield { routes, request: { ...request, path } }
  // Only of a few: each of these tries is an apply.
  if (routes.length > 8) return
  for (const [index, route] of routes.entries()) {
    for (const simpler of simplerRoutes(route)) yield { routes: routes.with(index, simpler), request }
  }
}

function* simplerRoutes({ name, spec }: MatchedRoute): Iterable<MatchedRoute> {
  const { match } = spec
  if (spec.priority !== undefined) yield { name, spec: without(spec, 'priority') }
  if (spec.hosts !== undefined) yield { name, spec: without(spec, 'hosts') }
  if (match.methods !== undefined) yield { name, spec: { ...spec, match: without(match, 'methods') } }
  for (const list of ['headers', 'query', 'cookies'] as const) {
    const matchers = match[list] ?? []
    if (matchers.length === 1) yield { name, spec: { ...spec, match: without(match, list) } }
    else
      for (const index of matchers.keys()) {
        yield { name, spec: { ...spec, match: { ...match, [list]: matchers.toSpliced(index, 1) } } }
      }
  }
}

function without<T extends object, K extends keyof T>(
  object: T,
  key: K,
): Omit<T, K> & { [key in K]?: never } {
  const { [key]: _, ...rest } = object
  return rest as Omit<T, K> & { [key in K]?: never }
}
