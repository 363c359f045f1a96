import type { Problem } from '../../errors.ts'
import { type Document, idOf } from '../../model/document.ts'
import { durationText } from '../../model/duration.ts'
import type { GatewaySpec } from '../../model/gateway.ts'
import { parseGatewayReference } from '../../model/gateway-reference.ts'
import type { ProblemOf } from '../../model/kind.ts'
import type { RouteSpec } from '../../model/route-spec.ts'
import { all, find, type State } from '../../model/state.ts'
import { patienceOf, patienceText } from './leaky-patience.ts'
import { type LongestWait, longestWait } from './longest-wait.ts'
import { pointerTo } from './places.ts'
import type { RateLimitSpec } from './schema.ts'

/**
 * What leaky buckets ask of the routes that have them: one each, since a request can wait for one turn only, and a wait
 * that ends before Envoy gives an idle request up. What many routes have in common is told once.
 */
export function checkWrite(written: readonly Document[], state: State): ProblemOf[] {
  const leaky = leakyPolicies(state)
  if (leaky.size === 0) return []
  const own = new Set(written.map(idOf))
  const told = usesOf(state, leaky, routesConcerned(written, state, leaky))
    .filter((use) => documentsOf(use).some((document) => own.has(idOf(document))))
    .flatMap((use) => [...second(use, own), ...tooLong(use, own)])
  return [...new Map(told.map((each) => [`${idOf(each.document)} ${each.problem.pointer}`, each])).values()]
}

interface Leaky {
  document: Document
  wait: LongestWait
}

function leakyPolicies(state: State): ReadonlyMap<string, Leaky> {
  const found = all(state, 'RateLimitPolicy').flatMap(({ document }) => {
    const wait = longestWait(document.spec as RateLimitSpec)
    return wait === undefined ? [] : [[document.name, { document, wait }] as const]
  })
  return new Map(found)
}

/** Most writes bring a route, and none of the others is then to be looked at. */
function routesConcerned(
  written: readonly Document[],
  state: State,
  leaky: ReadonlyMap<string, Leaky>,
): readonly Document[] {
  const isShared = ({ kind, name }: Document) =>
    kind === 'Gateway' || (kind === 'RateLimitPolicy' && leaky.has(name))
  if (written.some(isShared)) return all(state, 'Route').map(({ document }) => document)
  return written.filter(({ kind }) => kind === 'Route')
}

/** Leaky policies that meet: those of a gateway, or of a route and one of its gateways. */
interface Use {
  /** Who has them; the route before its gateway. */
  owners: Document[]
  policies: Leaky[]
}

function usesOf(state: State, leaky: ReadonlyMap<string, Leaky>, routes: readonly Document[]): Use[] {
  const use = (...owners: Document[]): Use => {
    const names = new Set(owners.toReversed().flatMap(limitsOf))
    return { owners, policies: [...names].flatMap((name) => leaky.get(name) ?? []) }
  }
  const ofRoutes = routes.flatMap((route) => {
    const { forward, gateways } = route.spec as RouteSpec
    // Envoy asks about no request that it answers itself.
    if (forward === undefined) return []
    const names = new Set(gateways.map((text) => parseGatewayReference(text).gateway))
    return [...names].map((name) => use(route, ...gatewayNamed(state, name)))
  })
  return [...all(state, 'Gateway').map(({ document }) => use(document)), ...ofRoutes].filter(
    ({ policies }) => policies.length > 0,
  )
}

function gatewayNamed(state: State, name: string): Document[] {
  const row = find(state, 'Gateway', name)
  return row === undefined ? [] : [row.document]
}

function limitsOf({ spec }: Document): readonly string[] {
  return (spec as RouteSpec | GatewaySpec).rateLimits ?? []
}

function documentsOf({ owners, policies }: Use): Document[] {
  return [...owners, ...policies.map(({ document }) => document)]
}

function second({ owners, policies }: Use, own: ReadonlySet<string>): ProblemOf[] {
  if (policies.length < 2) return []
  const names = policies.map(({ document }) => document.name)
  const message = `${idOf(owners[0]!)} would have ${names.length} leaky buckets: ${names.join(', ')}`
  const remedy = 'keep one of them; a request can wait for one turn only'
  const places = policies
    .toReversed()
    .flatMap((policy) => toldOn({ owners, policies: [policy] }, own, '/spec/algorithm'))
  return places
    .slice(0, 1)
    .map(({ document, pointer }) => ({ document, problem: { pointer, message, remedy } }))
}

/** A request that waits is idle, and Envoy answers 504 to it if its turn does not come in time. */
function tooLong({ owners, policies }: Use, own: ReadonlySet<string>): ProblemOf[] {
  const [route, gateway] = owners
  if (route?.kind !== 'Route') return []
  return policies.flatMap((policy) => {
    const { document, wait } = policy
    const bound = patienceOf(route, gateway).find(
      (each) => each.milliseconds > 0 && wait.milliseconds > each.milliseconds,
    )
    if (bound === undefined) return []
    const needed = durationText(Math.ceil(wait.milliseconds / 1_000) * 1_000)
    const problem: Omit<Problem, 'pointer'> = {
      message: `the last of the queue of ${idOf(document)} would wait ${needed}, and ${patienceText(route, bound)}`,
      remedy: `write ${bound.field === 'idleTimeout' ? 'an' : 'a'} ${bound.field} of at least ${needed} (or 0s, for none) on the route, or a queue of at most ${Math.floor(bound.milliseconds / wait.turn)}`,
    }
    if (bound.pointer !== undefined && own.has(idOf(bound.document)))
      return [{ document: bound.document, problem: { pointer: bound.pointer, ...problem } }]
    const place = toldOn({ owners, policies: [policy] }, own, pointerTo(wait.place, 'queue'))
    return place.map(({ document, pointer }) => ({ document, problem: { pointer, ...problem } }))
  })
}

/** The object of the write that a problem with a policy is told on, if it is one of these: who has it, or the policy. */
function toldOn(
  { owners, policies: [policy] }: Use,
  own: ReadonlySet<string>,
  ofPolicy: string,
): { document: Document; pointer: string }[] {
  const { document } = policy!
  const named = owners
    .filter((owner) => own.has(idOf(owner)))
    .map((owner) => ({ document: owner, index: limitsOf(owner).indexOf(document.name) }))
  const owner = named.find(({ index }) => index >= 0)
  if (owner !== undefined) return [{ document: owner.document, pointer: `/spec/rateLimits/${owner.index}` }]
  if (own.has(idOf(document))) return [{ document, pointer: ofPolicy }]
  // A route that comes to a gateway with the policy.
  const route = named.find(({ document }) => document.kind === 'Route')
  return route === undefined ? [] : [{ document: route.document, pointer: '/spec/gateways' }]
}
