import type { Observe } from '../../../observe.ts'
import type { Micros } from '../../algorithms/algorithm.ts'

/** A clock of the store, as it was asked by this process. */
export interface ClockReading {
  /** `store`, or which of its servers. */
  readonly node: string
  readonly time: Micros
  /** On the wall clock of this process. */
  readonly sentAt: Micros
  readonly receivedAt: Micros
}

/** In seconds. The error is half of the round trip: the clock was read at any time of it. */
export interface Skew {
  readonly seconds: number
  readonly error: number
}

/** How the clocks differ, for people. */
export interface ClocksState {
  /** By how much each clock of the store is ahead of this replica's. */
  nodes: readonly (Skew & { node: string })[]
  /** What is beyond the bound for certain. */
  warning?: string
}

/** Seconds that clocks may differ without a word. */
const boundSeconds = 0.25
/** While they differ by more that is told so often. */
const tellEvery: Micros = 600_000_000

/**
 * How far the store's clocks are from this replica's, and from each other: whoever counts by several of them, or decides
 * by its own while they are away, sees windows begin at different times.
 */
export class ClockSkew {
  readonly #observe: Observe
  #nodes: (Skew & { node: string })[] = []
  #warning: string | undefined
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(observe: Observe) {
    this.#observe = observe
  }

  /** All clocks of the store, read at about one time; `now` is of a clock that only goes on. */
  learn(readings: readonly ClockReading[], now: Micros): void {
    this.#nodes = readings.map(({ node, time, sentAt, receivedAt }) => ({
      node,
      seconds: (time - (sentAt + receivedAt) / 2) / 1_000_000,
      error: Math.max(0, receivedAt - sentAt) / 2_000_000,
    }))
    for (const each of this.#nodes) this.#observe({ event: 'clock_read', ...each })
    this.#warning = warningOf(this.#nodes)
    if (this.#warning === undefined) this.#toldAt = Number.NEGATIVE_INFINITY
    else if (now - this.#toldAt >= tellEvery) {
      this.#toldAt = now
      this.#observe({ event: 'clocks_differ', what: this.#warning })
    }
  }

  state(): ClocksState {
    const warning = this.#warning
    return { nodes: this.#nodes, ...(warning !== undefined && { warning }) }
  }
}

function warningOf(nodes: readonly (Skew & { node: string })[]): string | undefined {
  const sorted = [...nodes].sort((one, other) => one.seconds - other.seconds)
  const [first, last] = [sorted[0], sorted.at(-1)]
  if (first === undefined || last === undefined) return undefined
  const between = { seconds: last.seconds - first.seconds, error: last.error + first.error }
  if (isBeyond(between)) return `the clock of ${last.node} is ${text(between)} ahead of that of ${first.node}`
  const [far] = [...nodes].sort((one, other) => Math.abs(other.seconds) - Math.abs(one.seconds))
  if (!isBeyond(far!)) return undefined
  const where = far!.seconds > 0 ? 'behind' : 'ahead of'
  return `the clock of this replica is ${text(far!)} ${where} that of ${far!.node === 'store' ? 'the store' : far!.node}`
}

function isBeyond({ seconds, error }: Skew): boolean {
  return Math.abs(seconds) - error > boundSeconds
}

function text({ seconds, error }: Skew): string {
  return `${Math.abs(seconds).toFixed(3)} s (give or take ${error.toFixed(3)} s)`
}
