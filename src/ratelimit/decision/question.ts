import type { KeyPart } from '../../model/limit-rule.ts'
import type { CounterId } from '../identity/counter-id.ts'
import { counterId } from '../identity/counter-identity.ts'
import type { SipKey } from '../identity/sip-hash.ts'
import { keyValue, type PartValue, type RequestValues, requestValues } from '../request/request-values.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import type { NumbersInForce, RuleInForce } from '../rules/rule-in-force.ts'
import type { Former, Hit } from '../stores/counter-store.ts'
import type { RateLimitDescriptor, RateLimitRequest } from '../transports/messages.ts'

/** What one descriptor asks of its policy. */
export type Question =
  | { readonly kind: 'unknown'; readonly policy: string }
  | ({ readonly kind: 'skipped' } & Missing)
  | ({ readonly kind: 'refused' } & Missing)
  | ({ readonly kind: 'counted'; readonly hit: Hit } & Asked)

interface Asked {
  readonly policy: string
  readonly rule: RuleInForce
  readonly numbers: NumbersInForce
  readonly values: readonly PartValue[]
  readonly counter: CounterId
  readonly enforced: boolean
}

/** A part of the key is missing, and the policy does not let such requests share a counter. */
interface Missing extends Asked {
  readonly missing: KeyPart
}

/** Reads a descriptor by the rules in force. A policy that was just removed is no longer a limit. */
export function questionOf(
  request: RateLimitRequest,
  descriptor: RateLimitDescriptor,
  book: RuleBook,
  key: SipKey,
): Question {
  const said = requestValues(descriptor, book.limits()?.plans ?? new Map())
  const { policy } = said
  const inForce = book.find(policy)
  if (inForce === undefined) return { kind: 'unknown', policy }
  const { rule } = inForce
  const values = rule.key.map((part) => keyValue(part, said))
  const counter = counterId(key, inForce.family, values)
  const numbers = inForce.numbersFor(said)
  const enforced = rule.mode === 'enforce' && isAmong(counter, rule.percent)
  const asked = { policy, rule: inForce, numbers, values, counter, enforced }
  const missing = rule.onMissing === 'shared' ? -1 : values.indexOf(undefined)
  if (missing >= 0) {
    const kind = rule.onMissing === 'deny' ? 'refused' : 'skipped'
    return { kind, ...asked, missing: rule.key[missing]! }
  }
  const hit: Hit = {
    counter,
    overflow: inForce.overflow,
    policy,
    rule: numbers.bound,
    cost: costOf(request, descriptor, inForce, said),
    enforced,
    ...(inForce.former && { former: () => formerOf(inForce, values, said, key) }),
  }
  return { kind: 'counted', ...asked, hit }
}

/** The counters of the same key under earlier algorithms, newest first. */
function formerOf(
  rule: RuleInForce,
  values: readonly PartValue[],
  request: RequestValues,
  key: SipKey,
): Former[] {
  const all: Former[] = []
  for (let { former } = rule; former !== undefined; former = former.rule.former) {
    const { family } = former.rule
    const { bound } = former.rule.numbersFor(request)
    const next = former.next.numbersFor(request).bound
    all.push({ counter: counterId(key, family, values), rule: bound, until: former.until, next })
  }
  return all
}

/** Whether a key is among the share of the keys for which a policy is enforced: the same ones on every replica. */
function isAmong({ b }: CounterId, percent: number): boolean {
  return (b >>> 0) * 100 < percent * 2 ** 32
}

const largestCost = 2 ** 31

/**
 * What a request counts: what the protocol says, else what the policy says. A header is the word of a client, who may
 * not have it for nothing.
 */
function costOf(
  request: RateLimitRequest,
  descriptor: RateLimitDescriptor,
  { rule: { cost } }: RuleInForce,
  values: RequestValues,
): number {
  const own = descriptor.hits_addend
  if (own !== undefined && own !== null) return own.value ?? 0
  if (request.hits_addend) return request.hits_addend
  if (typeof cost === 'number') return cost
  const text = values.of({ kind: 'header', name: cost.header })
  const wanted = text !== undefined && /^[0-9]{1,10}$/.test(text) ? Number(text) : 1
  return wanted > largestCost ? 1 : Math.max(1, wanted)
}
