import { isSameId } from '../../identity/counter-id.ts'
import type { Hit, HitOutcome, Taken } from '../counter-store.ts'
import { counterKey } from './counter-key.ts'
import { slotOfKey } from './slot.ts'
import type { Reservation, SlotAnswer, SlotCalls } from './slot-calls.ts'

/** The hits of a request whose counters are in one slot, and their places in the request. */
export interface Part {
  readonly slot: number
  readonly hits: Hit[]
  readonly places: number[]
}

/** A request's hits by slot. */
export function partsOf(hits: readonly Hit[]): Part[] {
  const parts: Part[] = []
  for (const [place, hit] of hits.entries()) {
    const slot = slotOfKey(counterKey(hit.counter, hit.rule.algorithm))
    const part = parts.find((each) => each.slot === slot)
    if (part === undefined) parts.push({ slot, hits: [hit], places: [place] })
    else {
      part.hits.push(hit)
      part.places.push(place)
    }
  }
  return parts
}

export interface AcrossOptions {
  calls: SlotCalls
  /** What was seen of the hits of a slot. */
  learn(hits: readonly Hit[], taken: Taken, answer: SlotAnswer): void
  /** All counters would have admitted a request; then one refused it, and what it had reserved is given back. */
  onConflict(): void
}

interface Seen extends Taken {
  readonly answers: readonly SlotAnswer[]
}

/**
 * Requests whose counters are in several slots of a cluster, where no step is atomic. First all counters are looked at,
 * at once: a refusal ends here, and wrote nothing. Then their cost is reserved slot by slot; one that refuses has what was
 * reserved given back. A reservation is consumption: whoever is gone meanwhile leaves counts high, so that never too many
 * are admitted. The slots' order is the same for all requests, so that of two which want the last of the same counters
 * one gets it, where each would else get one and refuse the other. Slots of leaky buckets come last, since a turn is given
 * back only until somebody is behind it; and what the very last slot takes is never given back.
 *
 * It takes as many round trips as there are slots, and one to look; what one slot is asked in a turn of the loop goes in
 * one call. Shadow hits follow, by themselves.
 */
export class AcrossSlots {
  readonly #options: AcrossOptions

  constructor(options: AcrossOptions) {
    this.#options = options
  }

  async look(parts: readonly Part[]): Promise<Taken> {
    const { admitted, outcomes } = await this.#look(parts)
    return { admitted, outcomes }
  }

  async take(parts: readonly Part[]): Promise<Taken> {
    const { calls, learn, onConflict } = this.#options
    const seen = await this.#look(parts)
    if (!seen.admitted) {
      for (const [index, { hits }] of parts.entries()) learn(hits, seen, seen.answers[index]!)
      return { admitted: false, outcomes: seen.outcomes }
    }
    const outcomes = [...seen.outcomes]
    const order = parts.filter(({ hits }) => hits.some(({ enforced }) => enforced)).sort(leakyLast)
    const last = order.at(-1)
    const reservations: Reservation[] = []
    for (const part of order) {
      // What is in shadow is judged once all that is enforced was admitted: here, that is atomic.
      const chosen = part === last ? part : only(part, true)
      const answer = await calls
        .take(chosen.slot, chosen.hits, part !== last)
        .catch((error) => this.#giveBack(reservations).then(() => Promise.reject(error)))
      learn(chosen.hits, answer.taken, answer)
      if (!answer.taken.admitted) {
        if (order.length > 1) onConflict()
        await this.#giveBack(reservations)
        put(seen.outcomes, chosen, answer.taken.outcomes)
        return { admitted: false, outcomes: seen.outcomes }
      }
      put(outcomes, chosen, answer.taken.outcomes)
      if (answer.reservation !== undefined) reservations.push(answer.reservation)
    }
    const shadows = parts.flatMap((part) => (part === last ? [] : [only(part, false)]))
    await Promise.all(shadows.map((part) => this.#takeShadow(parts, part, outcomes)))
    return { admitted: true, outcomes }
  }

  /** The request is admitted, whatever comes of this. */
  async #takeShadow(parts: readonly Part[], shadow: Part, outcomes: HitOutcome[]): Promise<void> {
    if (shadow.hits.length === 0) return
    const { calls, learn } = this.#options
    const answer = await calls.take(shadow.slot, shadow.hits).catch(() => undefined)
    if (answer === undefined) return
    learn(shadow.hits, answer.taken, answer)
    put(outcomes, shadow, answer.taken.outcomes)
    // An enforced hit on the same counter stands as after this one, too.
    const { hits, places } = only(parts.find(({ slot }) => slot === shadow.slot)!, true)
    for (const [index, { counter }] of hits.entries()) {
      const same = shadow.hits.findIndex((each) => isSameId(each.counter, counter))
      if (same === -1) continue
      const { remaining, resetAfter } = answer.taken.outcomes[same]!
      Object.assign(outcomes[places[index]!]!, { remaining, resetAfter })
    }
  }

  async #look(parts: readonly Part[]): Promise<Seen> {
    const { calls } = this.#options
    const answers = await Promise.all(parts.map(({ slot, hits }) => calls.read(slot, hits)))
    const looks = parts.map(({ hits }, index) => answers[index]!.replay.decide(hits, false))
    const admitted = looks.every((look) => look.admitted)
    const outcomes: HitOutcome[] = []
    for (const [index, part] of parts.entries()) {
      put(outcomes, part, looks[index]!.outcomes)
      if (admitted || !looks[index]!.admitted) continue
      // Another slot refuses: what is in shadow is judged as though nothing had been taken here.
      const shadow = only(part, false)
      const alone = shadow.hits.map((hit) => answers[index]!.replay.decide([hit], false).outcomes[0]!)
      put(outcomes, shadow, alone)
    }
    return { admitted, outcomes, answers }
  }

  /** Before the request is answered: nobody is refused for a reservation of one that was. */
  async #giveBack(reservations: readonly Reservation[]): Promise<void> {
    await Promise.allSettled(reservations.map((each) => this.#options.calls.giveBack(each)))
  }
}

function put(outcomes: HitOutcome[], { places }: Part, some: readonly HitOutcome[]): void {
  for (const [index, place] of places.entries()) outcomes[place] = some[index]!
}

function only({ slot, hits, places }: Part, enforced: boolean): Part {
  const isWanted = (index: number) => hits[index]!.enforced === enforced
  return {
    slot,
    hits: hits.filter((_, index) => isWanted(index)),
    places: places.filter((_, index) => isWanted(index)),
  }
}

function leakyLast(one: Part, other: Part): number {
  return Number(isLeaky(one)) - Number(isLeaky(other)) || one.slot - other.slot
}

function isLeaky({ hits }: Part): boolean {
  return hits.some(({ rule, enforced }) => enforced && rule.algorithm === 'leaky_bucket')
}
