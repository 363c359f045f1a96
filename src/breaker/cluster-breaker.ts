import { WeirError } from '../errors.ts'
import type { BreakerRule } from '../model/breaker-rule.ts'
import type { Observe } from '../observe.ts'
import type { Clocks } from '../ratelimit/clock.ts'
import type { Answer } from '../ratelimit/stores/counter-store.ts'
import type { Deadlines } from '../ratelimit/stores/resilient/deadlines.ts'
import { failureKind } from '../ratelimit/stores/resilient/failure.ts'
import { createStoreTime, type StoreTime } from '../ratelimit/stores/resilient/store-time.ts'
import { AskQueue } from './ask-queue.ts'
import type { Call, Hand } from './machine.ts'
import { Outbox } from './outbox.ts'
import type { Told } from './request.ts'
import { type BreakerState, halfOpenAt, type Micros, type Place, type StateName } from './state.ts'
import type { BreakerStore, Outcomes, Reply } from './store.ts'

/** A breaker came to another state, here or at another replica. */
export interface Transition {
  readonly cluster: string
  readonly from: StateName
  readonly state: BreakerState
}

/** What the breakers of a replica have in common. */
export interface Surroundings {
  readonly store: BreakerStore
  /** The bound of an ask. */
  readonly deadlines: Deadlines
  /** That of every call, so that nothing waits for one that will not be answered. */
  readonly patience: Deadlines
  readonly clocks: Clocks
  readonly observe: Observe
  /** Whether the store is not to be asked. */
  isAway(): boolean
  /** Called once for each transition that this replica learns of. */
  onMoved(transition: Transition): void
}

/** What a request that wants to go to the cluster is told. Seconds until another one makes sense. */
export type Verdict =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'admitted'; readonly generation: number; readonly place?: Place['id'] }
  | { readonly kind: 'refused'; readonly retryAfter: number }

const unknown: Verdict = { kind: 'unknown' }
/** No place was to be had; the next one may be. */
const refusedForNow: Verdict = { kind: 'refused', retryAfter: 1 }

/**
 * The breaker of one cluster as this replica knows it. The store has the state; what is known of it here decides while it
 * is closed, and while it is open and its time is not over. Where the store does not answer the state stays as it is known:
 * closed admits, open and half-open refuse, and one that was never heard of admits and reports nothing.
 */
export class ClusterBreaker {
  rule: BreakerRule
  state: BreakerState | undefined
  outcomes: Outcomes = { failures: 0, of: 0 }
  /** Milliseconds on the clock that only goes on. */
  askedAt = Number.NEGATIVE_INFINITY
  readAt = Number.NEGATIVE_INFINITY
  #isEnded = false
  /** While it is closed: what each request is told. */
  #closed: Verdict | undefined
  readonly #time: StoreTime
  readonly #asks: AskQueue
  readonly #outbox: Outbox
  readonly #around: Surroundings

  constructor(rule: BreakerRule, around: Surroundings) {
    this.rule = rule
    this.#around = around
    this.#time = createStoreTime(around.clocks)
    this.#asks = new AskQueue({
      deadlines: around.deadlines,
      most: () => this.rule.probes,
      send: async (asks) => this.#step({ asks }),
      giveBack: (generation, place) => this.#outbox.add({ generation, place, outcomes: 'a' }),
    })
    this.#outbox = new Outbox({
      send: (reports) => this.#step({ reports }),
      isAway: around.isAway,
      isCurrent: ({ generation }) => this.state === undefined || generation >= this.state.generation,
      onDropped: (outcomes) =>
        around.observe({ event: 'breaker_outcomes_dropped', cluster: rule.cluster, outcomes }),
    })
  }

  /** `life` is how long the request has to report, were it a probe. */
  ask(life: Micros): Answer<Verdict> {
    this.askedAt = this.#milliseconds()
    if (this.#closed !== undefined) return this.#closed
    const { state } = this
    if (state?.name === 'open' && !this.#isOver(state)) return this.#refusal(state)
    if (this.#around.isAway()) return state === undefined ? unknown : refusedForNow
    return this.#askStore(life)
  }

  /** What became of an admitted request; one of another generation than the newest counts for nothing. */
  report({ generation, place, outcome, duration }: Told): void {
    if (this.state !== undefined && generation < this.state.generation) return
    const { slowerThan } = this.rule
    const isSlow = slowerThan !== undefined && duration !== undefined && duration > slowerThan
    const outcomes = outcome === 'abort' ? 'a' : outcome === 'fail' || isSlow ? '1' : '0'
    if (place !== undefined) this.#outbox.add({ generation, place, outcomes })
    else if (outcomes !== 'a') this.#outbox.add({ generation, outcomes })
  }

  /** Reads the state, which comes to be half-open by that where its time is over. Rejects where the store does not answer. */
  async read(): Promise<Reply> {
    return this.#step({})
  }

  async set(hand: Hand): Promise<Reply> {
    return this.#step({ hand })
  }

  /** Tries again what is kept for that, and writes what waits. */
  flush(): Promise<void> {
    return this.#outbox.flush()
  }

  /** A replica made this transition. */
  hear(from: StateName, state: BreakerState): void {
    this.#become(state, from, { failures: 0, of: 0 })
  }

  /** Its cluster has none any more: what calls that are under way bring is told to nobody. */
  end(): void {
    this.#isEnded = true
    this.#around.observe({ event: 'breaker_state', cluster: this.rule.cluster, state: undefined })
  }

  /** The clock of the store, as far as it is known. */
  now(): Micros {
    return this.#time.read()
  }

  #askStore(life: Micros): Answer<Verdict> {
    const { store } = this.#around
    if (store.isLocal) {
      const { state, admissions } = this.#step({ asks: [life] }) as Reply
      return this.#verdict(state, admissions[0]!)
    }
    return this.#asks.ask(life).then((asked) => {
      if (asked === undefined) return this.state === undefined ? unknown : refusedForNow
      return this.#verdict(asked.reply.state, asked.admission)
    })
  }

  #verdict(state: BreakerState, admission: Reply['admissions'][number]): Verdict {
    if (admission === 'refused') return this.#refusal(state)
    const { generation } = state
    return admission === 'closed'
      ? { kind: 'admitted', generation }
      : { kind: 'admitted', generation, place: admission }
  }

  #step(call: Call): Answer<Reply> {
    const { store, clocks, observe, patience } = this.#around
    const sentAt = clocks.monotonic()
    const { cluster } = this.rule
    const answer = store.step({ cluster, numbers: this.rule, known: this.state, call })
    if (!(answer instanceof Promise)) return this.#learn(answer, sentAt)
    return patience.bound(answer).then(
      (reply) => this.#learn(reply, sentAt),
      (error) => {
        observe({ event: 'counter_store_failed', kind: failureKind(error), error })
        throw error
      },
    )
  }

  #learn(reply: Reply, sentAt: Micros): Reply {
    const { now, state, from, outcomes } = reply
    this.#time.learn(now, sentAt)
    this.readAt = this.#milliseconds()
    if (from !== undefined) {
      const { name: to, generation, cause, note } = state
      const { cluster } = this.rule
      this.#around.observe({ event: 'breaker_moved', cluster, from, to, generation, cause, ...note })
    }
    this.#become(state, from, outcomes)
    return reply
  }

  #become(state: BreakerState, from: StateName | undefined, outcomes: Outcomes): void {
    const before = this.state
    if (before !== undefined && state.generation < before.generation) return
    this.state = state
    this.outcomes = outcomes
    if (before?.generation === state.generation || this.#isEnded) return
    const { name, generation } = state
    this.#closed = name === 'closed' ? { kind: 'admitted', generation } : undefined
    this.#around.observe({ event: 'breaker_state', cluster: this.rule.cluster, state: name })
    const cameFrom = from ?? before?.name
    if (cameFrom !== undefined) this.#around.onMoved({ cluster: this.rule.cluster, from: cameFrom, state })
  }

  #isOver(state: BreakerState): boolean {
    const end = halfOpenAt(state, this.rule.open)
    return end !== undefined && this.now() >= end
  }

  #refusal(state: BreakerState): Verdict {
    if (state.name !== 'open') return refusedForNow
    // One that is held by hand has no end that is known.
    const left = (halfOpenAt(state, this.rule.open) ?? this.now() + this.rule.open) - this.now()
    return { kind: 'refused', retryAfter: Math.max(1, Math.ceil(left / 1_000_000)) }
  }

  #milliseconds(): number {
    return this.#around.clocks.monotonic() / 1_000
  }
}

/** The store did not do what a person asked for, or nobody knows. */
export function storeAway(what: string, why: string, cause?: unknown): WeirError {
  const message = `${what} now: the store of the breakers ${why}.`
  const remedy = 'try again when /readyz says that the store decides; until then breakers stay as they are'
  return new WeirError('unavailable', message, {
    problems: [{ pointer: '', message, remedy }],
    retryAfter: 1,
    cause,
  })
}
