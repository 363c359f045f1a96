import type { Micros } from '../algorithms/algorithm.ts'
import type { CounterId } from '../identity/counter-id.ts'
import type { Hit, HitOutcome, Taken } from './counter-store.ts'

/** A counter that a request meets; two of its hits on one counter meet the same. */
export interface Touched {
  readonly id: CounterId
  /** Its state as it is kept; nothing where it is idle. */
  readonly before: unknown
  /** Its state as the hits so far would leave it. */
  after: unknown
  /** The last that took from it, or the first that met it. */
  hit: Hit
}

export interface Judging {
  readonly hits: readonly Hit[]
  readonly now: Micros
  /** Whether outcomes stand as after the request, or as before it. */
  readonly taking: boolean
  /** The counter that a hit is judged by: one of those that the request met already, or a new one by `begin`. */
  touch(hit: Hit, met: Touched[]): Touched
}

/**
 * Decides a request over the counters that it meets: its enforced hits are all admitted or nothing is taken; then each in
 * shadow is judged by itself, and takes if all of them were. Reads and writes nothing: what each counter comes to is in
 * `touched`.
 */
export function judge({ hits, now, taking, touch }: Judging): { taken: Taken; touched: Touched[] } {
  const met: Touched[] = []
  const touched: Touched[] = new Array(hits.length)
  const outcomes: HitOutcome[] = new Array(hits.length)
  let admitted = true
  for (let index = 0; index < hits.length; index++) {
    if (!hits[index]!.enforced) continue
    touched[index] = touch(hits[index]!, met)
    outcomes[index] = judgeHit(hits[index]!, touched[index]!, now, true)
    admitted &&= outcomes[index]!.admitted
  }
  if (!admitted) for (const each of met) each.after = each.before
  for (let index = 0; index < hits.length; index++) {
    if (hits[index]!.enforced) continue
    touched[index] = touch(hits[index]!, met)
    outcomes[index] = judgeHit(hits[index]!, touched[index]!, now, admitted)
  }
  for (let index = 0; index < hits.length; index++) {
    const { before, after } = touched[index]!
    const standing = hits[index]!.rule.standing(taking ? after : before, now)
    outcomes[index]!.remaining = standing.remaining
    outcomes[index]!.resetAfter = standing.resetAfter
  }
  return { taken: { admitted, outcomes }, touched: met }
}

/** Adds a counter to those that the request met. */
export function begin(hit: Hit, id: CounterId, state: unknown, met: Touched[]): Touched {
  const touched = { id, before: state, after: state, hit }
  met.push(touched)
  return touched
}

/** Requests have few hits, so that looking through all is the fastest. */
export function findTouched(met: readonly Touched[], { a, b, c, d }: CounterId): Touched | undefined {
  for (const touched of met) {
    const { id } = touched
    if (a === id.a && b === id.b && c === id.c && d === id.d) return touched
  }
  return undefined
}

/** Decides one hit after those before it; `keeping`, what it takes is seen by those after it. Its standing is yet to come. */
function judgeHit(hit: Hit, touched: Touched, now: Micros, keeping: boolean): HitOutcome {
  const { state, decision } = hit.rule.step(touched.after, hit.cost, now)
  if (decision.admitted && keeping) {
    touched.after = state
    touched.hit = hit
  }
  return {
    admitted: decision.admitted,
    retryAfter: decision.retryAfter,
    delay: decision.delay,
    remaining: 0,
    resetAfter: 0,
  }
}
