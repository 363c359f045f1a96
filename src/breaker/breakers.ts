import { WeirError } from '../errors.ts'
import type { BreakerRule } from '../model/breaker-rule.ts'
import type { Observe } from '../observe.ts'
import type { Clocks } from '../ratelimit/clock.ts'
import type { Answer } from '../ratelimit/stores/counter-store.ts'
import { Deadlines } from '../ratelimit/stores/resilient/deadlines.ts'
import type { RateLimitRequest, RateLimitResponse } from '../ratelimit/transports/messages.ts'
import { admitted, passed, refused, sentElsewhere } from './answer.ts'
import { inBatches } from './batches.ts'
import { type BreakerDesk, createBreakerDesk } from './breaker-desk.ts'
import { ClusterBreaker, type Transition, type Verdict } from './cluster-breaker.ts'
import { type Ask, admissionText, readRequest } from './request.ts'
import type { BreakerState, Note, StateName } from './state.ts'
import type { BreakerStore } from './store.ts'

export interface BreakersOptions {
  store: BreakerStore
  clocks: Clocks
  observe: Observe
  /** The longest that a request waits for the store. */
  timeoutMs: number
  /** Why the store is not to be asked, as a clause about it; nothing where it is. */
  trouble(): string | undefined
  /** Between two looks at breakers that may have come to another state without a word. */
  lookMs?: number
}

/** A transition, as people are told of it. */
export interface Move extends Partial<Note> {
  cluster: string
  from: StateName
  to: StateName
  cause: BreakerState['cause']
  generation: string
}

function moveOf({ cluster, from, state }: Transition): Move {
  const { name: to, cause, generation, note } = state
  return { cluster, from, to, cause, generation: String(generation), ...note }
}

export interface Breakers extends BreakerDesk {
  /** Puts the rules in force, at once. A breaker keeps its state, whatever changes of its numbers. */
  setBreakers(rules: ReadonlyMap<string, BreakerRule>): void
  /** Decides a request of the domain `weir/breaker`. Throws `unavailable` while no rules are known. */
  decide(request: RateLimitRequest): Answer<RateLimitResponse>
  /** A replica told of a transition. */
  hear(news: { from: StateName; cluster: string; state: BreakerState }): void
  /** What was told meanwhile may not have been heard: reads all states that are known. It never fails. */
  readAll(): Promise<void>
  /** Calls back once for each transition, whichever replica made it; of several between two looks the last is told. */
  follow(listener: (move: Move) => void): void
  close(): Promise<void>
}

/** For so long after a request a closed breaker is looked at, in milliseconds. */
const lateMs = 10_000
/** The longest that a call to the store may take, in milliseconds. */
const patienceMs = 5_000

/** The strict breakers of all clusters, as one replica serves them. Knows no xDS and no transport. */
export function createBreakers(options: BreakersOptions): Breakers {
  const { store, clocks, observe, timeoutMs, trouble, lookMs = 1_000 } = options
  const breakers = new Map<string, ClusterBreaker>()
  const listeners = new Set<(move: Move) => void>()
  const around = {
    ...{ store, clocks, observe, deadlines: new Deadlines(timeoutMs) },
    patience: new Deadlines(Math.max(timeoutMs, patienceMs)),
    isAway: () => trouble() !== undefined,
    onMoved: (transition: Transition) => {
      for (const listener of listeners) listener(moveOf(transition))
    },
  }
  let isLoaded = false
  const answers = new WeakMap<Verdict, RateLimitResponse>()

  /** The same for all requests of a generation. */
  function admittedAnswer(verdict: Extract<Verdict, { kind: 'admitted' }>): RateLimitResponse {
    const known = answers.get(verdict)
    if (known !== undefined) return known
    const answer = admitted(admissionText(verdict))
    answers.set(verdict, answer)
    return answer
  }

  /** An Envoy that does not know the fallback yet, or no more, would send the request on: it is refused. */
  function answerOf({ rule }: ClusterBreaker, verdict: Verdict, { mayGoElsewhere }: Ask): RateLimitResponse {
    switch (verdict.kind) {
      case 'unknown':
        return passed
      case 'admitted':
        return admittedAnswer(verdict)
      case 'refused': {
        const goes = rule.fallback && mayGoElsewhere
        observe({ event: 'breaker_refused', cluster: rule.cluster, by: goes ? 'fallback' : 'answer' })
        return goes ? sentElsewhere(rule.cluster) : refused(verdict.retryAfter)
      }
    }
  }

  async function read(some: readonly ClusterBreaker[]): Promise<void> {
    const one = (breaker: ClusterBreaker) => breaker.read().catch(() => undefined)
    await inBatches(some, one, () => !around.isAway())
  }

  const milliseconds = () => clocks.monotonic() / 1_000

  /** Those of which something may be news, and that nothing was heard of by another call. */
  function isDue({ state, askedAt, readAt }: ClusterBreaker): boolean {
    const now = milliseconds()
    if (state === undefined || now - readAt < lookMs / 2) return false
    return state.name !== 'closed' || now - askedAt < lateMs
  }

  let looking = Promise.resolve()
  let isLooking = false

  async function look(): Promise<void> {
    isLooking = true
    const all = [...breakers.values()]
    await Promise.all(all.map((breaker) => breaker.flush()))
    await read(all.filter(isDue))
    isLooking = false
  }

  const timer = setInterval(() => {
    if (!isLooking) looking = look()
  }, lookMs)

  return {
    ...createBreakerDesk({ breakers, trouble }),
    setBreakers(rules) {
      isLoaded = true
      for (const [cluster, rule] of rules) {
        const known = breakers.get(cluster)
        if (known === undefined) breakers.set(cluster, new ClusterBreaker(rule, around))
        else known.rule = rule
      }
      for (const [cluster, breaker] of breakers) {
        if (rules.has(cluster)) continue
        breakers.delete(cluster)
        breaker.end()
      }
    },
    decide(request) {
      if (!isLoaded) throw new WeirError('unavailable', 'The circuit breakers are not loaded yet.')
      const { ask, told } = readRequest(request)
      for (const each of told) breakers.get(each.cluster)?.report(each)
      const breaker = ask && breakers.get(ask.cluster)
      if (ask === undefined || breaker === undefined) return passed
      const verdict = breaker.ask(ask.life)
      if (!(verdict instanceof Promise)) return answerOf(breaker, verdict, ask)
      return verdict.then((said) => answerOf(breaker, said, ask))
    },
    hear({ from, cluster, state }) {
      breakers.get(cluster)?.hear(from, state)
    },
    readAll: () => read([...breakers.values()].filter(({ state }) => state !== undefined)),
    follow: (listener) => void listeners.add(listener),
    async close() {
      clearInterval(timer)
      await looking
      await Promise.all([...breakers.values()].map((breaker) => breaker.flush()))
    },
  }
}
