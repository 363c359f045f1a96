import type { Deadlines } from '../ratelimit/stores/resilient/deadlines.ts'
import type { Admission } from './machine.ts'
import type { Micros, Place } from './state.ts'
import type { Reply } from './store.ts'

/** What the store said to one request that asked. */
export interface Asked {
  readonly reply: Reply
  readonly admission: Admission
}

interface Waiting {
  readonly life: Micros
  tell(asked: Asked | undefined): void
  /** Its time is over: nobody would use what it is given. */
  isGone: boolean
}

export interface AskQueueOptions {
  deadlines: Deadlines
  /** So many of them can get a place at most. */
  most(): number
  send(lives: readonly Micros[]): Promise<Reply>
  /** A place was given that nobody uses. */
  giveBack(generation: number, place: Place['id']): void
}

/**
 * Asks the store for the requests of one cluster: one call at a time, in which go all that came meanwhile. So a flood that
 * meets a half-open breaker costs the store a call a round trip. What is told to a request is the store's word of after it
 * came, unless more ask at once than there are places: the rest is refused unasked.
 */
export class AskQueue {
  readonly #options: AskQueueOptions
  #waiting: Waiting[] = []
  #isCalling = false

  constructor(options: AskQueueOptions) {
    this.#options = options
  }

  /** Nothing where the store did not say anything in time. */
  ask(life: Micros): Promise<Asked | undefined> {
    const { promise, resolve: tell } = Promise.withResolvers<Asked | undefined>()
    const waiting: Waiting = { life, tell, isGone: false }
    this.#waiting.push(waiting)
    if (!this.#isCalling) void this.#callAll()
    return this.#options.deadlines.bound(promise).catch(() => {
      waiting.isGone = true
      return undefined
    })
  }

  async #callAll(): Promise<void> {
    this.#isCalling = true
    while (this.#waiting.length > 0) {
      const asking = this.#waiting.filter(({ isGone }) => !isGone)
      this.#waiting = []
      if (asking.length > 0) await this.#call(asking)
    }
    this.#isCalling = false
  }

  async #call(asking: readonly Waiting[]): Promise<void> {
    const { deadlines, most, send } = this.#options
    const sent = asking.slice(0, most())
    const answer = send(sent.map(({ life }) => life))
    const reply = await deadlines.bound(answer).catch(() => undefined)
    if (reply === undefined) {
      for (const { tell } of asking) tell(undefined)
      // It may have been done all the same.
      answer.then(
        (late) => this.#giveBack(late, late.admissions),
        () => undefined,
      )
      return
    }
    const others = reply.state.name === 'closed' ? 'closed' : 'refused'
    for (const [index, { tell, isGone }] of asking.entries()) {
      const admission = reply.admissions[index] ?? others
      if (isGone) this.#giveBack(reply, [admission])
      else tell({ reply, admission })
    }
  }

  #giveBack({ state }: Reply, admissions: readonly Admission[]): void {
    for (const each of admissions) {
      if (typeof each === 'number') this.#options.giveBack(state.generation, each)
    }
  }
}
