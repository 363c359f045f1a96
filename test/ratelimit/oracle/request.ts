import { type Counter, judge, quotaOf, shown, spanOf, taken, touched, type Verdict } from './counter.ts'
import { ceiling } from './fraction.ts'
import type { Rule } from './rule.ts'

/** One policy that a request hits in a stage. */
export interface PolicyHit {
  readonly policy: string
  /** The counter's key within the policy. */
  readonly key: string
  readonly rule: Rule
  readonly cost: bigint
  /** Whether the policy is enforced for this key: false where it is shadow, and for the keys that `percent` leaves out. */
  readonly enforced: boolean
}

/** One item of `RateLimit` and `RateLimit-Policy`: r, t, q, w. */
export interface Item {
  policy: string
  r: number
  t: number
  q: number
  w: number
}

export interface RequestDecision {
  admitted: boolean
  /** The enforced policies that denied. */
  denied: string[]
  /** The shadow policies that would have denied. */
  shadowDenied: string[]
  /** Whole milliseconds for which the request waits. */
  delayMs: number
  /** `Retry-After`: only on a denial, and null where waiting does not help. */
  retryAfterSeconds: number | null
  /** One item per enforced policy, in order. */
  items: Item[]
}

export interface Oracle {
  decide(hits: readonly PolicyHit[], clock: bigint): RequestDecision
  /** A policy gets another rule: every counter that it has is carried over. */
  edit(policy: string, rule: Rule, at: bigint): void
}

/**
 * Decides the requests of one stage, one after another, with all counters at hand. The clock is in microseconds
 * since the Unix epoch and may go back.
 */
export function createOracle(): Oracle {
  const counters = new Map<string, Counter>()

  // A hit after another on the same counter sees what the first would take.
  function tryAll(hits: readonly PolicyHit[], clock: bigint) {
    const tried = new Map<string, Counter>()
    const verdicts = hits.map((hit) => {
      const id = idOf(hit)
      const counter = touched(tried.get(id) ?? counters.get(id), hit.rule, clock)
      counters.set(id, touched(counters.get(id), hit.rule, clock))
      const verdict = judge(counter, hit.cost)
      tried.set(id, verdict.admitted ? taken(counter, hit.cost) : counter)
      return verdict
    })
    const keep = () => {
      for (const [id, counter] of tried) counters.set(id, counter)
    }
    return { verdicts, keep }
  }

  return {
    edit(policy, rule, at) {
      for (const [id, counter] of counters) {
        if (JSON.parse(id)[0] === policy) counters.set(id, touched(counter, rule, 0n, at))
      }
    },
    decide(hits, clock) {
      const enforced = hits.filter((hit) => hit.enforced)
      const shadow = hits.filter((hit) => !hit.enforced)
      const { verdicts, keep } = tryAll(enforced, clock)
      const admitted = verdicts.every((verdict) => verdict.admitted)
      if (admitted) keep()
      const items = enforced.map((hit) => itemOf(hit, counters.get(idOf(hit))!))
      // Each shadow policy by itself: no other's refusal holds back what it takes.
      const shadowDenied = shadow.filter((hit) => {
        const alone = tryAll([hit], clock)
        const admits = alone.verdicts.every((verdict) => verdict.admitted)
        if (admitted && admits) alone.keep()
        return !admits
      })
      return {
        admitted,
        denied: enforced.filter((_hit, index) => !verdicts[index]!.admitted).map(({ policy }) => policy),
        shadowDenied: shadowDenied.map(({ policy }) => policy),
        delayMs: admitted ? Math.max(0, ...verdicts.map(milliseconds)) : 0,
        retryAfterSeconds: admitted ? null : retryAfter(verdicts),
        items,
      }
    },
  }
}

function idOf({ policy, key }: PolicyHit): string {
  return JSON.stringify([policy, key])
}

function itemOf({ policy, rule }: PolicyHit, counter: Counter): Item {
  const { remaining, reset } = shown(counter)
  const t = Number(ceiling(perMillion(reset)))
  return {
    policy,
    r: Number(remaining),
    t,
    q: Number(quotaOf(rule)),
    w: Number(ceiling(perMillion(spanOf(rule)))),
  }
}

function retryAfter(verdicts: readonly Verdict[]): number | null {
  const waits = verdicts.filter(({ admitted }) => !admitted).map((verdict) => verdict.retryAfter)
  const known = waits.filter((wait) => wait !== null)
  if (known.length < waits.length) return null
  return Math.max(1, ...known.map((wait) => Number((wait + 999_999n) / 1_000_000n)))
}

function milliseconds({ delay }: Verdict): number {
  return Number(ceiling({ numerator: delay.numerator, denominator: delay.denominator * 1_000n }))
}

function perMillion({ numerator, denominator }: { numerator: bigint; denominator: bigint }) {
  return { numerator, denominator: denominator * 1_000_000n }
}
