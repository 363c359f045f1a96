import { WeirError } from '../errors.ts'
import { mostEntries } from '../model/descriptor.ts'
import type { Limits } from '../model/limit-rule.ts'
import type { Observe } from '../observe.ts'
import type { Micros } from './algorithms/algorithm.ts'
import { type CounterDesk, createCounterDesk } from './counters/counter-desk.ts'
import { answerOf } from './decision/answer.ts'
import { decided, isRefused, report } from './decision/decision.ts'
import { explained } from './decision/explained.ts'
import { type Question, questionOf } from './decision/question.ts'
import { isCredential } from './decision/shown-key.ts'
import type { Explanation } from './decision/verdict.ts'
import { createKeyHasher } from './identity/counter-identity.ts'
import { sipKey } from './identity/sip-hash.ts'
import { createRuleBook } from './rules/rule-book.ts'
import { readSavedRules, savedRules } from './rules/saved-rules.ts'
import type { Answer, CounterStore, Hit, Taken } from './stores/counter-store.ts'
import {
  mostDescriptors,
  type RateLimitDescriptor,
  type RateLimitRequest,
  type RateLimitResponse,
} from './transports/messages.ts'
import { tooMany } from './transports/too-many.ts'

export interface RateLimitService extends CounterDesk {
  /** Whether it knows rules, and can decide. */
  ready(): boolean
  /** Puts the rules in force, at once and for every request that follows. */
  setLimits(limits: Limits): void
  /**
   * Decides a request: all its enforced policies admit it and it is counted by each, or it is counted by none.
   * Throws `unavailable` while no rules are known, `too_large` beyond the bounds.
   */
  decide(request: RateLimitRequest): Answer<RateLimitResponse>
  /** What `decide` would answer now, and why; nothing is counted. Throws as `decide` does. */
  explain(request: RateLimitRequest): Answer<Explanation>
  /** The latest edits of all rules as text, to be resumed after a restart with the counters that they were for. */
  rulesToSave(): string
  /** To be called before the first `setLimits`. Throws for a text that is none of `rulesToSave`. */
  resumeRules(text: string): void
}

/** Answers Envoy's ShouldRateLimit by the rules of the model; knows no xDS and no transport. */
export function createRateLimitService(options: {
  store: CounterStore
  clock: () => Micros
  /** 16 bytes: the key of the hashes in counter identities, the same on every replica. */
  key: Buffer
  observe: Observe
}): RateLimitService {
  const { store, clock, observe } = options
  const hasher = createKeyHasher(sipKey(options.key))
  const book = createRuleBook({ clock, onSlower: store.keep })
  const desk = createCounterDesk({ book, store, clock })

  function questionsOf(request: RateLimitRequest): Question[] {
    if (book.limits() === undefined) throw new WeirError('unavailable', 'The rate limits are not loaded yet.')
    const descriptors = request.descriptors ?? []
    checkBounds(descriptors)
    return descriptors.map((descriptor) => questionOf(request, descriptor, book, hasher))
  }

  return {
    ready: () => book.limits() !== undefined,
    setLimits(limits) {
      book.set(limits)
      desk.forget(limits)
    },
    decide(request) {
      const questions = questionsOf(request)
      const hits = hitsOf(questions)
      const finish = (taken: Taken) => {
        const decision = decided(questions, taken)
        // A name that is no gateway's is whatever a peer makes up: it would be a label of the metrics for ever.
        const gateway = request.domain ?? ''
        report(book.limits()!.gateways.has(gateway) ? gateway : '', decision, observe)
        desk.watch(decision)
        return answerOf(decision)
      }
      // A request that a policy refuses for what it lacks counts nowhere.
      return then(questions.some(isRefused) ? store.look(hits) : store.take(hits), finish)
    },
    explain(request) {
      const questions = questionsOf(request)
      const finish = (taken: Taken) => explained(decided(questions, taken), book.limits()!.credentials)
      return then(store.look(hitsOf(questions)), finish)
    },
    busyKeys: desk.busyKeys,
    peek: desk.peek,
    reset: desk.reset,
    grant: desk.grant,
    rulesToSave: () =>
      savedRules(book.edits(), (part) => isCredential(part, book.limits()?.credentials ?? new Set())),
    resumeRules: (text) => book.resume(readSavedRules(text)),
  }
}

function hitsOf(questions: readonly Question[]): Hit[] {
  const hits: Hit[] = []
  for (const question of questions) if (question.kind === 'counted') hits.push(question.hit)
  return hits
}

function then<T, U>(answer: Answer<T>, next: (value: T) => U): Answer<U> {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}

function checkBounds(descriptors: readonly RateLimitDescriptor[]): void {
  if (descriptors.length > mostDescriptors) throw tooMany.descriptors
  if (descriptors.some(({ entries }) => (entries?.length ?? 0) > mostEntries)) throw tooMany.entries
}
