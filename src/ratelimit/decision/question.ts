import type { KeyPart } from '../../model/limit-rule.ts'
import { type CounterId, isSameId } from '../identity/counter-id.ts'
import { inFamily, type KeyHasher } from '../identity/counter-identity.ts'
import { keyValue, type PartValue, type RequestValues, requestValues } from '../request/request-values.ts'
import { formerCounters } from '../rules/former-counters.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import type { NumbersInForce, NumbersOfRule, RuleInForce } from '../rules/rule-in-force.ts'
import type { Hit } from '../stores/counter-store.ts'
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
  /** Hash of the values. */
  readonly key: CounterId
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
  hasher: KeyHasher,
): Question {
  const said = requestValues(descriptor, book.limits()?.plans ?? new Map())
  const { policy } = said
  const inForce = book.find(policy)
  if (inForce === undefined) return { kind: 'unknown', policy }
  const { rule } = inForce
  const values = rule.key.map((part) => keyValue(part, said))
  const key = hasher.hash(values)
  const numbers = inForce.numbersFor(said)
  const counter = inFamily(inForce.family, key)
  const enforced = rule.mode === 'enforce' && isAmong(inFamily(inForce.keyFamily, key), rule.percent)
  const missing = rule.onMissing === 'shared' ? -1 : values.indexOf(undefined)
  if (missing >= 0) {
    const kind = rule.onMissing === 'deny' ? 'refused' : 'skipped'
    const part = rule.key[missing]!
    return { kind, policy, rule: inForce, numbers, values, key, counter, enforced, missing: part }
  }
  const hit: Hit = {
    counter,
    overflow: overflowOf(inFamily(inForce.family, hasher.none), enforced),
    policy,
    rule: numbers.bound,
    cost: costOf(request, descriptor, inForce, said),
    enforced,
    onStoreFailure: rule.onStoreFailure,
    former: formerOf(inForce, key, (each) => each.numbersFor(said)),
    latest: latestOf(book, inForce, key, numbers.id),
  }
  return { kind: 'counted', policy, rule: inForce, numbers, values, key, counter, enforced, hit }
}

/** Where a key's requests were counted before, if anywhere. */
function formerOf(
  inForce: RuleInForce,
  key: CounterId,
  numbersIn: (rule: NumbersOfRule) => NumbersInForce,
): Hit['former'] {
  return inForce.former && (() => formerCounters(inForce, key, (each) => numbersIn(each).bound))
}

/** Holds nothing of the request: as many of these are kept as there are keys, while a store is away. */
function latestOf(book: RuleBook, inForce: RuleInForce, key: CounterId, id: string): Hit['latest'] {
  return () => {
    const latest = book.find(inForce.rule.policy)
    if (latest === undefined || !isSameId(latest.keyFamily, inForce.keyFamily)) return undefined
    return {
      counter: inFamily(latest.family, key),
      rule: latest.numbersOf(id).bound,
      former: formerOf(latest, key, (each) => each.numbersOf(id)),
    }
  }
}

/** Keys in shadow must not use up what the enforced ones share. */
function overflowOf(id: CounterId, enforced: boolean): CounterId {
  return enforced ? id : { ...id, d: id.d ^ 1 }
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
