import type { Bounds } from './bounds.ts'
import { flood } from './violation.ts'

/** How often a connection did in a window of time what costs its peer nothing. Beyond a bound it is a Violation. */
export class Floods {
  readonly #bounds: Bounds
  #since = 0
  #calls = 0
  #settings = 0
  #pings = 0
  #empty = 0
  #idle = 0
  #errors = 0
  #resets = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** Begins a new window where the last one is over. */
  roll(now: number): void {
    if (now - this.#since < this.#bounds.windowMs) return
    this.#since = now
    this.#calls = 0
    this.#settings = 0
    this.#pings = 0
    this.#empty = 0
    this.#idle = 0
    this.#errors = 0
    this.#resets = 0
  }

  /** A request that is complete: it entitles its peer to what belongs to one. */
  call(): void {
    this.#calls++
  }

  settings(): void {
    if (++this.#settings > this.#bounds.settings) throw flood('settings_flood')
  }

  ping(): void {
    if (++this.#pings > this.#bounds.pings + this.#calls) throw flood('ping_flood')
  }

  emptyFrame(): void {
    if (++this.#empty > this.#bounds.emptyFrames) throw flood('empty_frames')
  }

  idleFrame(): void {
    if (++this.#idle > this.#bounds.idleFrames + 4 * this.#calls) throw flood('idle_frames')
  }

  streamError(): void {
    if (++this.#errors > this.#bounds.streamErrors) throw flood('stream_errors')
  }

  reset(): void {
    if (++this.#resets > this.#bounds.resets) throw flood('reset_flood')
  }
}
