import { WeirError } from '../errors.ts'
import type { LimitRule, Limits } from '../model/limit-rule.ts'
import type { Observe } from '../observe.ts'
import { type BoundRule, bindRule } from './algorithms/bound-rule.ts'
import { counterFamily, counterKey, overflowKey } from './counter-key.ts'
import { clientHeaders } from './headers.ts'
import { type Match, match } from './match.ts'
import type { RateLimitDescriptor, RateLimitRequest, RateLimitResponse } from './messages.ts'
import type { CounterStore, Hit, Taken } from './stores/counter-store.ts'

/** Descriptors a request may have; Envoy sends one a policy. */
const maxDescriptors = 64
/** Entries a descriptor may have; ours have one a key part and one for the policy. */
const maxEntries = 64

export interface RateLimitService {
  /** Puts a gateway's rules in force, at once and for every request that follows. */
  setLimits(limits: Limits): void
  /** Forgets a gateway that is no more. */
  removeLimits(gateway: string): void
  /**
   * Decides a request: all its policies admit it and it is counted by each, or it is counted by none.
   * Throws `unavailable` while no rules are known, `malformed` beyond the bounds.
   */
  decide(request: RateLimitRequest): RateLimitResponse | Promise<RateLimitResponse>
}

/** Each rule with what is worked out of it once. */
type Rules = ReadonlyMap<LimitRule, { family: string; bound: BoundRule }>

/** Answers Envoy's ShouldRateLimit by the rules of the model; knows no xDS and no transport. */
export function createRateLimitService(options: {
  store: CounterStore
  /** Key for the hashes of credentials in counter identities. */
  hashKey: Buffer
  observe: Observe
}): RateLimitService {
  const { store, hashKey, observe } = options
  const gateways = new Map<string, { limits: Limits; rules: Rules }>()
  let ready = false

  function hitOf({ rule, values }: Match & { rule: LimitRule }, rules: Rules, cost: number): Hit {
    const { family, bound } = rules.get(rule)!
    const counter = counterKey(family, rule, values, hashKey)
    return { counter, overflow: overflowKey(family), policy: rule.policy, rule: bound, cost }
  }

  function decide(request: RateLimitRequest): RateLimitResponse | Promise<RateLimitResponse> {
    if (!ready) throw new WeirError('unavailable', 'The rate limits are not loaded yet.')
    const descriptors = request.descriptors ?? []
    checkBounds(descriptors)
    const gateway = gateways.get(request.domain ?? '')
    const matches = descriptors.map((descriptor) =>
      gateway === undefined ? { policy: '' } : match(gateway.limits, descriptor),
    )
    for (const matched of matches) {
      if (matched.rule !== undefined) continue
      observe({ event: 'unknown_policy', gateway: request.domain ?? '', policy: matched.policy })
    }
    const hits = matches.flatMap((matched, index) =>
      matched.rule === undefined
        ? []
        : [hitOf(matched, gateway!.rules, costOf(request, descriptors[index]!))],
    )
    const taken = store.take(hits)
    const answered = (result: Taken) => answer(request.domain ?? '', matches, hits, result)
    return taken instanceof Promise ? taken.then(answered) : answered(taken)
  }

  function answer(
    gateway: string,
    matches: readonly Match[],
    hits: readonly Hit[],
    taken: Taken,
  ): RateLimitResponse {
    let next = 0
    const judged: Parameters<typeof clientHeaders>[0][number][] = []
    const statuses = matches.map((matched): RateLimitResponse['statuses'][number] => {
      if (matched.rule === undefined) return { code: 'OK' }
      const { rule } = hits[next]!
      const outcome = taken.outcomes[next++]!
      const { policy } = matched.rule
      judged.push({ policy, quota: rule.quota, outcome })
      observe({ event: 'decision', gateway, policy, result: outcome.admitted ? 'admitted' : 'denied' })
      return {
        code: outcome.admitted ? 'OK' : 'OVER_LIMIT',
        limit_remaining: Math.min(outcome.remaining, 0xffff_ffff),
        duration_until_reset: {
          seconds: Math.floor(outcome.resetAfter / 1_000_000),
          nanos: (outcome.resetAfter % 1_000_000) * 1_000,
        },
      }
    })
    return {
      overall_code: taken.admitted ? 'OK' : 'OVER_LIMIT',
      statuses,
      response_headers_to_add: clientHeaders(judged),
    }
  }

  return {
    setLimits(limits) {
      const prepared = (rule: LimitRule) => ({ family: counterFamily(rule), bound: bindRule(rule) })
      const rules = new Map([...limits.rules.values()].map((rule) => [rule, prepared(rule)]))
      gateways.set(limits.gateway, { limits, rules })
      ready = true
    },
    removeLimits: (gateway) => void gateways.delete(gateway),
    decide,
  }
}

function costOf(request: RateLimitRequest, descriptor: RateLimitDescriptor): number {
  const own = descriptor.hits_addend
  if (own !== undefined && own !== null) return own.value ?? 0
  return request.hits_addend || 1
}

function checkBounds(descriptors: readonly RateLimitDescriptor[]): void {
  if (descriptors.length > maxDescriptors) {
    throw new WeirError('malformed', `A request may have at most ${maxDescriptors} descriptors.`)
  }
  if (descriptors.some(({ entries }) => (entries?.length ?? 0) > maxEntries)) {
    throw new WeirError('malformed', `A descriptor may have at most ${maxEntries} entries.`)
  }
}
