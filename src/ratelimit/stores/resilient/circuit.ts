import { type FailureKind, isCertain } from './failure.ts'

/**
 * Who decides:
 * - `store`: the store alone.
 * - `joining`: the store is back. It decides, and the replica's share has to admit as well, until every other replica is
 *   back and has added what it counted alone: else the first to come back would be given what the last has already spent.
 * - `away`: each policy's `onStoreFailure`, without asking the store.
 *
 * store -> away by a failure; away -> joining by a probe; joining -> store when all are there; joining -> away by a failure.
 */
export type Rung = 'store' | 'joining' | 'away'

/** What of times the circuit is told and tells: milliseconds on one clock that only goes on. */
export type Milliseconds = number

export interface CircuitOptions {
  /** Until the first probe; each that fails doubles it, up to the longest. */
  firstProbeMs?: number
  longestProbeMs?: number
  /** For so long the store has to stay, for the next outage to begin with the first probe again. */
  calmMs?: number
}

/** Of so many last calls, or twice as many, */
const judged = 64
/** so many have to fail, and half of all, while others are answered, for the circuit to open. */
const fewestFailures = 16

/**
 * When the store is asked, and when not. It opens
 * - at once by an answer that the next call would get as well (closed, BUSY, LOADING, READONLY, OOM, ...);
 * - at once by a call that is overdue while the store has answered nothing since it was sent: the store is silent, and
 *   whoever asked it next would wait for nothing;
 * - by half of the last calls that fail in other ways, or are overdue while others are answered: a single slow one opens
 *   nothing.
 * Probes bring it back: one at a time, at growing intervals.
 */
export class Circuit {
  rung: Rung = 'away'
  /** Why it left the store last. */
  reason: FailureKind | 'starting' = 'starting'
  since: Milliseconds
  /** When the next probe is due, while `away`. */
  probeAt: Milliseconds
  #interval: Milliseconds
  #answeredAt: Milliseconds = Number.NEGATIVE_INFINITY
  #backAt: Milliseconds = Number.NEGATIVE_INFINITY
  /** The last calls, older ones at half their weight. */
  #calls = 0
  #failures = 0
  readonly #options: Required<CircuitOptions>

  constructor(now: Milliseconds, options: CircuitOptions = {}) {
    this.#options = { firstProbeMs: 100, longestProbeMs: 1_000, calmMs: 5_000, ...options }
    this.since = now
    this.probeAt = now
    this.#interval = this.#options.firstProbeMs
  }

  /** A call was answered in time. */
  answered(sentAt: Milliseconds, now: Milliseconds): void {
    this.#answeredAt = now
    if (this.rung !== 'away' && sentAt >= this.#backAt) this.#remember(false)
  }

  /** A call failed or is overdue. Says whether the circuit opened by it. One of before the last recovery means nothing. */
  failed(kind: FailureKind, sentAt: Milliseconds, now: Milliseconds): boolean {
    if (this.rung === 'away' || sentAt < this.#backAt) return false
    this.#remember(true)
    const isSilent = kind === 'timeout' && this.#answeredAt <= sentAt
    const areMany = this.#failures >= fewestFailures && this.#failures * 2 >= this.#calls
    if (!isCertain(kind) && !isSilent && !areMany) return false
    if (now - this.#backAt >= this.#options.calmMs) this.#interval = this.#options.firstProbeMs
    this.#enter('away', now)
    this.reason = kind
    this.probeAt = now + this.#interval
    return true
  }

  /** The probe failed: the next comes later. */
  probeFailed(kind: FailureKind, now: Milliseconds): void {
    this.reason = kind
    this.#interval = Math.min(this.#options.longestProbeMs, this.#interval * 2)
    this.probeAt = now + this.#interval
  }

  probeAnswered(now: Milliseconds): void {
    this.#enter('joining', now)
    this.#backAt = now
    // Of an outage that comes again at once the first probe is later, until there was calm.
    this.#interval = Math.min(this.#options.longestProbeMs, this.#interval * 2)
  }

  /** Every other replica is back as well. */
  joined(now: Milliseconds): void {
    if (this.rung === 'joining') this.#enter('store', now)
  }

  #enter(rung: Rung, now: Milliseconds): void {
    this.rung = rung
    this.since = now
    if (rung === 'store') return
    this.#calls = 0
    this.#failures = 0
  }

  #remember(failed: boolean): void {
    this.#calls++
    if (failed) this.#failures++
    if (this.#calls < 2 * judged) return
    this.#calls /= 2
    this.#failures /= 2
  }
}
