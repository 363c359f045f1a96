import type { Figures, RolloutRecord } from '../model/rollout-record.ts'
import type { RequestFigures } from '../xds/stats-message.ts'
import { type Compared, noFigures, sumOf } from './gate.ts'

/** Half of what was before is forgotten in this time. */
const halfLifeMs = 30_000

/**
 * What the Envoys of one gateway answered: while the present wave is watched, by whether they are reached; and while all had
 * the same, the older the less. Counts that began before that time did are left out: some are of what the Envoy had
 * before. Times are in milliseconds.
 */
export class WaveFigures {
  #reached = noFigures
  #others = noFigures
  /** Of all, faded up to `#fadedAt`. */
  #usual = noFigures
  #before = noFigures
  #fadedAt = 0
  #phase: 'usual' | 'watched' | 'other' = 'other'
  #phaseKey = ''
  #phaseAt = 0
  #waveKey = ''
  #startedAt = 0

  /** Goes by that record from now on. */
  follow({ state, epoch, settlingAt, startedAt }: RolloutRecord, now: number): void {
    const isUsual = state === 'done' || state === 'reverted'
    const isWatched = (state === 'running' || state === 'halted') && settlingAt !== null
    this.#phase = isUsual ? 'usual' : isWatched ? 'watched' : 'other'
    const waveKey = `${epoch} ${settlingAt?.getTime()}`
    const phaseKey = isUsual ? `usual ${epoch}` : waveKey
    if (phaseKey !== this.#phaseKey) this.#phaseAt = now
    this.#phaseKey = phaseKey
    if (startedAt.getTime() !== this.#startedAt) {
      this.#startedAt = startedAt.getTime()
      this.#fade(now)
      this.#before = this.#usual
    }
    if (waveKey !== this.#waveKey) {
      this.#waveKey = waveKey
      this.#reached = noFigures
      this.#others = noFigures
    }
  }

  /** `since`: when the Envoy began to count it. */
  add(figures: RequestFigures, isReached: boolean, since: number, now: number): void {
    if (since < this.#phaseAt || figures.requests === 0) return
    const added: Figures = { ...figures, times: Object.fromEntries(figures.times) }
    if (this.#phase === 'usual') {
      this.#fade(now)
      this.#usual = sumOf([this.#usual, added])
    } else if (this.#phase === 'watched') {
      if (isReached) this.#reached = sumOf([this.#reached, added])
      else this.#others = sumOf([this.#others, added])
    }
  }

  get compared(): Compared {
    const before = this.#phase === 'usual' ? this.#usual : this.#before
    return { reached: this.#reached, others: this.#others, before }
  }

  #fade(now: number): void {
    const factor = 0.5 ** (Math.max(0, now - this.#fadedAt) / halfLifeMs)
    this.#fadedAt = now
    const times = Object.entries(this.#usual.times).map(([bound, count]) => [bound, count * factor] as const)
    this.#usual = {
      requests: this.#usual.requests * factor,
      errors: this.#usual.errors * factor,
      times: Object.fromEntries(times.filter(([, count]) => count > 0.01)),
    }
  }
}
