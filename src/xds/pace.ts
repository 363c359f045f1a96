import { JoinQueue } from './join-queue.ts'
import type { RetryClock } from './retry.ts'

/** A stream that joins. */
export interface Paced {
  /** Sends what may be sent now, and answers how many bytes that were. */
  serve(): number
}

/**
 * Gives streams that join their turns, one in each turn of the loop: what comes from connected Envoys, and goes to them,
 * has its place in between.
 */
export class Pace {
  readonly #clock: Pick<RetryClock, 'now' | 'timer'>
  readonly #defer: (work: () => void) => void
  readonly #queue = new JoinQueue<Paced>()
  #isRunning = false
  #cancelWake = () => {}

  constructor(
    clock: Pick<RetryClock, 'now' | 'timer'>,
    defer: (work: () => void) => void = (work) => void setImmediate(work),
  ) {
    this.#clock = clock
    this.#defer = defer
  }

  /** It is served when its turn comes. */
  ready(stream: Paced): void {
    this.#queue.ready(stream)
    this.#run()
  }

  /** Its connection has taken all that was sent. */
  taken(stream: Paced): void {
    this.#queue.taken(stream)
    this.#run()
  }

  /** It has all that was sent. */
  answered(stream: Paced): void {
    this.#queue.answered(stream)
    this.#run()
  }

  /** It has joined, or has gone. */
  leave(stream: Paced): void {
    this.#queue.leave(stream)
    this.#run()
  }

  #run(): void {
    if (this.#isRunning || this.#queue.size === 0) return
    this.#isRunning = true
    this.#defer(() => {
      this.#isRunning = false
      this.#turn()
    })
  }

  #turn(): void {
    this.#cancelWake()
    const stream = this.#queue.next(this.#clock.now())
    if (stream !== undefined) {
      const bytes = stream.serve()
      this.#queue.sent(stream, bytes, this.#clock.now())
      this.#run()
      return
    }
    const wait = this.#queue.wakesIn(this.#clock.now())
    this.#cancelWake = wait === undefined ? () => {} : this.#clock.timer(wait, () => this.#run())
  }
}
