import { CallTimeout } from './failure.ts'

interface Waiting {
  readonly until: number
  /** Nothing once it was answered. */
  expire: (() => void) | undefined
}

/**
 * The bound of many calls, by one timer: all wait for the same time, so that the first to come is the first to be overdue.
 * What has arrived already when the timer is late is read first: a pause of this process makes no call overdue.
 */
export class Deadlines {
  readonly #ms: number
  #waiting: Waiting[] = []
  #first = 0
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  /** The answer, or `CallTimeout` at the bound; then the answer is ignored when it comes. */
  bound<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        until: performance.now() + this.#ms,
        expire: () => reject(new CallTimeout(`it did not answer within ${this.#ms} ms`)),
      }
      this.#waiting.push(waiting)
      this.#timer ??= setTimeout(() => setImmediate(() => this.#expire(performance.now())), this.#ms)
      answer.then(resolve, reject).finally(() => {
        waiting.expire = undefined
      })
    })
  }

  /** All that wait are overdue: nothing will come. */
  expireAll(): void {
    this.#expire(Number.POSITIVE_INFINITY)
  }

  #expire(now: number): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const overdue: Waiting[] = []
    while (this.#first < this.#waiting.length) {
      const waiting = this.#waiting[this.#first]!
      if (waiting.expire !== undefined && waiting.until > now) break
      overdue.push(waiting)
      this.#first++
    }
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
    const next = this.#waiting[this.#first]
    if (next !== undefined) {
      const left = Math.max(1, Math.ceil(next.until - performance.now()))
      this.#timer = setTimeout(() => setImmediate(() => this.#expire(performance.now())), left)
    }
    for (const { expire } of overdue) expire?.()
  }
}
