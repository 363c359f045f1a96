import type { Figures } from '../model/rollout-record.ts'
import type { RequestFigures } from '../xds/stats-message.ts'
import type { Compared } from './gate.ts'
import { noFigures, sumOf } from './gate.ts'

/** Half of what was before is forgotten in this time. */
const halfLifeMs = 30_000

/**
 * What the Envoys of one gateway answered: since its present wave began, by whether they are reached; and before that,
 * the older the less.
 */
export class WaveFigures {
  #epoch: number | undefined
  #reached = noFigures
  #others = noFigures
  /** Of all, faded up to `#fadedAt`. */
  #usual = noFigures
  #before = noFigures
  #fadedAt = 0

  /** `isNew`: the rollout begins, and not only another wave of it. `now` in milliseconds. */
  begin(epoch: number, isNew: boolean, now: number): void {
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    if (isNew) {
      this.#fade(now)
      this.#before = this.#usual
    }
    this.#reached = noFigures
    this.#others = noFigures
  }

  add(figures: RequestFigures, isReached: boolean, now: number): void {
    const added: Figures = { ...figures, times: Object.fromEntries(figures.times) }
    this.#fade(now)
    this.#usual = sumOf([this.#usual, added])
    if (isReached) this.#reached = sumOf([this.#reached, added])
    else this.#others = sumOf([this.#others, added])
  }

  get compared(): Compared {
    return { reached: this.#reached, others: this.#others, before: this.#before }
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
