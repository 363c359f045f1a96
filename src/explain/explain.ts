import { rateLimitsOf } from '../compile/routing/rate-limits.ts'
import type { Problem } from '../errors.ts'
import { effective } from '../model/effective.ts'
import { type EffectiveGateway, GatewaySpec } from '../model/gateway.ts'
import type { Listener } from '../model/listener.ts'
import { all, find, type State } from '../model/state.ts'
import { remedyAmong } from '../model/suggest.ts'
import type { GatewayContext } from '../policies/policy-kind.ts'
import type { LocalLimit } from '../policies/rate-limit/local/limit.ts'
import type { Explanation, Verdict } from '../ratelimit/decision/verdict.ts'
import type { RateLimitRequest } from '../ratelimit/transports/messages.ts'
import { type AskedRequest, arrival, headerProblems } from './asked-request.ts'
import { localLimitsOf } from './local-limits.ts'
import { ownAnswer } from './own-answer.ts'
import type { Question } from './question.ts'
import { breakerRequests, rateLimitRequests, type SentRequest } from './rate-limit-requests.ts'
import { type Met, routeOf } from './route-of.ts'

/** What would become of a request, and why. */
export interface Explained {
  /** Of the state that it is said of. */
  revision: number
  listener: string
  /** Nothing where Envoy answers before it looks for a route. */
  request: AskedRequest | undefined
  route: string | undefined
  status: number
  /** A sentence for people. */
  reason: string
  /** Of the policies that would be asked, in their order. */
  verdicts: readonly Verdict[]
  /** What the Envoy that it meets counts by itself: how much is left there is not known here. */
  local: readonly LocalLimit[]
  /** What Envoy would send to the rate-limit service. */
  sent: readonly SentRequest[]
  /** Strict breakers of the clusters that it may go to. Whether they let it pass is not judged. */
  breakers: readonly { cluster: string; policy: string }[]
}

/** What the rate-limit service would answer, with nothing counted. */
export type Ask = (request: RateLimitRequest) => Explanation | Promise<Explanation>

export type ExplainResult = { explained: Explained } | { explained?: undefined; problems: Problem[] }

/** Says what would become of a request, or what is wrong with the question. Nothing is counted, kept or told. */
export async function explain(state: State, question: Question, ask: Ask): Promise<ExplainResult> {
  const place = placeOf(state, question)
  const problems = [...(Array.isArray(place) ? place : []), ...headerProblems(question)]
  if (Array.isArray(place) || problems.length > 0) return { problems }
  const { gateway, listener } = place
  const at = { revision: state.revision, listener: listener.name }
  const nothing = { request: undefined, route: undefined, verdicts: [], local: [], sent: [], breakers: [] }
  const arrived = arrival(question, listener, gateway.spec)
  if (arrived.kind === 'answered') {
    const { status, reason } = arrived
    return { explained: { ...at, ...nothing, status, reason } }
  }
  const { request } = arrived
  const met = routeOf(state, gateway, listener.name, request)
  if (met === undefined) {
    return { explained: { ...at, ...nothing, request, status: 404, reason: 'no route takes it' } }
  }
  const route = met.route.name
  const own = ownAnswer(met, request)
  if (own !== undefined) return { explained: { ...at, ...nothing, request, route, ...own } }
  const judged = await judge(rateLimitRequests(gateway.name, rateLimitsOf(gateway, met.route), request), ask)
  const passes = judged.status === 200
  const sent = [...judged.sent, ...(passes ? breakerRequests(met.message, request) : [])]
  const breakers = met.route.breakers.map(({ cluster, policy }) => ({ cluster, policy }))
  const local = localLimitsOf(met)
  const reason = `${judged.reason}${ifAllowed(met)}${ifLeft(local)}${passes ? ifAdmitted(breakers) : ''}`
  return { explained: { ...at, request, route, ...judged, local, sent, breakers, reason } }
}

function ifLeft(local: readonly LocalLimit[]): string {
  const refusing = local.filter(({ role, shadow }) => role === 'limit' && !shadow)
  const names = refusing.map(({ rule: { policy } }) => policy)
  return names.length === 0 ? '' : `, if its Envoy has tokens left for ${names.join(' and ')}`
}

/** Which part of a split is drawn is not known, and so it is not known which breaker is asked. */
function ifAdmitted(breakers: Explained['breakers']): string {
  const names = breakers.map(({ cluster }) => cluster)
  return names.length === 0 ? '' : `, unless the circuit breaker of ${names.join(' or ')} refuses it`
}

/** Who calls is not judged here: a token is not verified, and an address may be a proxy's. */
function ifAllowed({ route: { spec } }: Met): string {
  const { auth = [] } = spec
  return auth.length === 0
    ? ''
    : `, if ${auth.join(' and ')} ${auth.length === 1 ? 'allows' : 'allow'} the caller`
}

/** Asks stage by stage; after a refusal Envoy asks no more. */
async function judge(
  requests: readonly SentRequest[],
  ask: Ask,
): Promise<Pick<Explained, 'status' | 'reason' | 'verdicts' | 'sent'>> {
  const sent: SentRequest[] = []
  const verdicts: Verdict[] = []
  for (const request of requests) {
    sent.push(request)
    const explanation = await ask(asMessage(request))
    verdicts.push(...explanation.verdicts)
    if (explanation.admitted) continue
    const refusing = explanation.verdicts.find(({ result, enforced }) => result === 'denied' && enforced)
    return {
      status: explanation.status ?? 429,
      reason: `${refusing?.policy ?? 'a limit'} refuses it`,
      verdicts,
      sent,
    }
  }
  const slow = verdicts.find(({ enforced, delay = 0 }) => enforced && delay > 0)
  const after =
    slow === undefined ? '' : ` after ${Math.ceil(slow.delay! / 1_000)} ms in the queue of ${slow.policy}`
  return { status: 200, reason: `the gateway lets it pass${after}`, verdicts, sent }
}

/** Values are bytes to the service. */
function asMessage({ domain, descriptors }: SentRequest): RateLimitRequest {
  return {
    domain,
    descriptors: descriptors.map(({ entries }) => ({
      entries: entries.map(({ key, value }) => ({ key, value: Buffer.from(value, 'utf8') })),
    })),
  }
}

/** The gateway and the listener that a question names. */
function placeOf(
  state: State,
  { gateway: name, listener: wanted }: Question,
): { gateway: GatewayContext; listener: Listener } | Problem[] {
  const row = find(state, 'Gateway', name)
  if (row === undefined) {
    const names = all(state, 'Gateway').map(({ document }) => document.name)
    const remedy = names.length === 0 ? 'write one first' : remedyAmong(name, names)
    return [{ pointer: '/gateway', message: `there is no gateway "${name}"`, remedy }]
  }
  const spec = effective<EffectiveGateway>(GatewaySpec, row.document.spec)
  const listener = spec.listeners.find((each) => wanted === undefined || each.name === wanted)
  if (listener !== undefined) return { gateway: { name, spec }, listener }
  const names = spec.listeners.map((each) => each.name)
  const message = `"${name}" has no listener "${wanted}"`
  return [{ pointer: '/listener', message, remedy: remedyAmong(wanted!, names) }]
}
