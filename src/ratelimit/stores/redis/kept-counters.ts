import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { Observe } from '../../../observe.ts'
import type { Micros } from '../../algorithms/algorithm.ts'
import { allCounters, counterPrefix } from './counter-key.ts'
import type { Primary } from './link.ts'

/** Keys that one SCAN looks at: some 0.1 ms of the store's one thread. */
const page = 500
/** After a primary did not answer. */
const retryMs = 1_000

export interface KeptCountersOptions {
  /** All that have counters. */
  primaries(): readonly Primary[]
  /** The own clock, which only goes on. */
  own(): Micros
  observe: Observe
}

/**
 * Gives counters a longer life: of a policy whose usage falls more slowly by its new rule than by that of their last use,
 * which said when the store forgets them. Every primary is looked through once, a page at a time, beside all that it decides.
 * Whoever does the same at the same time changes nothing: no life gets shorter.
 */
export class KeptCounters {
  readonly #options: KeptCountersOptions
  /** By prefix of the keys, until when they are to live, on the own clock. */
  #asked = new Map<string, Micros>()
  #running: Promise<void> | undefined

  constructor(options: KeptCountersOptions) {
    this.#options = options
  }

  /** The policy's counters are not forgotten for so long. What is asked in one turn of the loop is done together. */
  keep(policy: string, span: Micros): void {
    this.#ask(counterPrefix(policy), this.#options.own() + span)
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Resolves once nothing is left to be done. */
  async settled(): Promise<void> {
    await this.#running
  }

  #ask(prefix: string, until: Micros): void {
    this.#asked.set(prefix, Math.max(until, this.#asked.get(prefix) ?? 0))
  }

  async #run(): Promise<void> {
    const { own, observe } = this.#options
    let isTold = false
    await turn()
    while (this.#asked.size > 0) {
      const asked = this.#asked
      this.#asked = new Map()
      try {
        await this.#lengthen(asked)
      } catch (error) {
        if (!isTold) observe({ event: 'counters_not_kept', error })
        isTold = true
        for (const [prefix, until] of asked) if (until > own()) this.#ask(prefix, until)
        await delay(retryMs, undefined, { ref: false })
      }
    }
  }

  async #lengthen(asked: ReadonlyMap<string, Micros>): Promise<void> {
    const primaries = this.#options.primaries()
    if (primaries.length === 0) throw new Error('no primary of the store is known')
    const began = performance.now()
    const counts = await Promise.all(primaries.map((primary) => this.#lengthenAt(primary, asked)))
    const counters = counts.reduce((sum, count) => sum + count, 0)
    const milliseconds = Math.round(performance.now() - began)
    this.#options.observe({ event: 'counters_kept', counters, milliseconds })
  }

  async #lengthenAt(primary: Primary, asked: ReadonlyMap<string, Micros>): Promise<number> {
    const prefixes = [...asked.keys()]
    const pattern = `${prefixes.length === 1 ? prefixes[0] : allCounters}*`
    let cursor = '0'
    let found = 0
    do {
      const answer = await primary.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', page)
      const [next, keys] = answer as [string, string[]]
      cursor = next
      const lives = primary.pipeline()
      for (const key of keys) {
        const prefix = prefixes.find((each) => key.startsWith(each))
        if (prefix === undefined) continue
        const left = Math.ceil((asked.get(prefix)! - this.#options.own()) / 1_000)
        if (left > 0) lives.call('PEXPIRE', key, left, 'GT')
      }
      found += lives.length
      for (const [error] of (await lives.exec()) ?? []) if (error !== null) throw error
    } while (cursor !== '0')
    return found
  }
}
