import type { Answers } from './answers.ts'
import type { Budget } from './budget.ts'
import { dropMessage } from './message.ts'
import { LaneError } from './method.ts'
import { grpcRefusal, type Refusal, refusals } from './refusal.ts'
import { countRefusal, type Shared } from './shared.ts'
import type { Stream } from './stream.ts'

/** Hands complete requests to their methods and brings back what they answer. */
export class Calls {
  /** Calls whose method is at work, those included that were reset meanwhile. */
  pending = 0
  readonly #shared: Shared
  readonly #held: Budget
  readonly #answers: Answers
  readonly #finish: (stream: Stream) => void
  readonly #later: () => void
  #complete: Stream[] = []
  #settled: Stream[] = []

  /**
   * @param finish is told of each stream whose answer is complete
   * @param later has `answerSettled` called once, at the end of the loop's turn
   */
  constructor(
    shared: Shared,
    held: Budget,
    answers: Answers,
    finish: (stream: Stream) => void,
    later: () => void,
  ) {
    this.#shared = shared
    this.#held = held
    this.#answers = answers
    this.#finish = finish
    this.#later = later
  }

  /** A request is complete, and is handed over when all that was read is parsed: it may be reset until then. */
  add(stream: Stream): void {
    stream.queued = true
    this.#complete.push(stream)
  }

  handOver(): void {
    const complete = this.#complete
    for (let index = 0; index < complete.length; index++) {
      const stream = complete[index]!
      stream.queued = false
      if (stream.aborted) {
        this.#shared.counts.dropped++
        this.#shared.pool.giveBack(stream)
      } else if (stream.refusal !== undefined) {
        this.refuse(stream, stream.refusal)
      } else {
        this.#ask(stream)
      }
    }
    complete.length = 0
  }

  #ask(stream: Stream): void {
    this.#shared.counts.calls++
    let result: Uint8Array | Promise<Uint8Array>
    try {
      result = stream.head.asks!(stream.message!, stream)
    } catch (error) {
      this.refuse(stream, this.#refusalOf(error))
      return
    }
    if (result instanceof Uint8Array) {
      this.#answer(stream, result)
      return
    }
    dropMessage(stream, this.#held)
    stream.pending = true
    this.pending++
    result.then(
      (message) => this.#settle(stream, message),
      (error: unknown) => this.#settle(stream, this.#refusalOf(error)),
    )
  }

  #refusalOf(error: unknown): Refusal {
    if (error instanceof LaneError) return grpcRefusal(error.code, error.message)
    this.#shared.observe({ event: 'failed', where: 'grpc-lane', error })
    return refusals.internal
  }

  #settle(stream: Stream, value: Uint8Array | Refusal): void {
    stream.pending = false
    this.pending--
    if (stream.aborted) {
      this.#shared.pool.giveBack(stream)
      return
    }
    stream.settled = value
    stream.queued = true
    if (this.#settled.push(stream) === 1) this.#later()
  }

  /** Answers all calls whose promises have settled. */
  answerSettled(): void {
    const settled = this.#settled
    for (let index = 0; index < settled.length; index++) {
      const stream = settled[index]!
      stream.queued = false
      if (stream.aborted) this.#shared.pool.giveBack(stream)
      else if (stream.settled instanceof Uint8Array) this.#answer(stream, stream.settled)
      else this.refuse(stream, stream.settled!)
    }
    settled.length = 0
  }

  #answer(stream: Stream, message: Uint8Array): void {
    stream.answered = true
    if (this.#answers.message(stream, message)) this.#finish(stream)
    else dropMessage(stream, this.#held)
  }

  /** Answers a stream by a status; where its request has not ended, the rest of it is not wanted. */
  refuse(stream: Stream, refusal: Refusal): void {
    if (refusal.rule !== undefined) countRefusal(this.#shared, refusal.rule)
    stream.answered = true
    if (this.#answers.refuse(stream, refusal)) this.#finish(stream)
  }
}
