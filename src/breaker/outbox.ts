import type { Report } from './machine.ts'

/** For which outcomes are gathered, in milliseconds: with a timer that is late they wait for 10. */
const gatherMs = 8
/** Outcomes that wait for the store: the largest window. */
const mostWaiting = 10_000
/** Reports of probes that are kept for another try: as many as there may be places. */
const mostKept = 100

export interface OutboxOptions {
  /** Rejects where the store did not take them, or did not say so. */
  send(reports: readonly Report[]): unknown
  isAway(): boolean
  /** Whether it may still count: what a store that was away has missed of a probe is worth another try. */
  isCurrent(report: Report): boolean
  onDropped(outcomes: number): void
}

/**
 * Outcomes of one cluster on their way to the store, in order. One call is under way at most, and what comes meanwhile goes
 * with the next. None is written twice: those of a call that failed are dropped, but for those of probes, which count once
 * however often they are told.
 */
export class Outbox {
  readonly #options: OutboxOptions
  #reports: { generation: number; place?: number; outcomes: string }[] = []
  #waiting = 0
  #kept: Report[] = []
  #timer: NodeJS.Timeout | undefined
  #isSending = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  add(report: Report): void {
    if (this.#waiting + report.outcomes.length > mostWaiting) {
      this.#options.onDropped(report.outcomes.length)
      return
    }
    this.#waiting += report.outcomes.length
    const last = this.#reports.at(-1)
    const isMore = last?.generation === report.generation && last.place === undefined
    if (report.place !== undefined) {
      this.#reports.push({ ...report })
      void this.flush()
      return
    }
    if (isMore) last.outcomes += report.outcomes
    else this.#reports.push({ ...report })
    this.#timer ??= setTimeout(() => void this.flush(), gatherMs)
  }

  /** Sends what there is, and what was kept. It never fails. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isSending) return
    const reports = [...this.#kept, ...this.#reports]
    if (reports.length === 0) return
    this.#isSending = true
    this.#reports = []
    this.#waiting = 0
    this.#kept = []
    try {
      if (this.#options.isAway()) throw away
      await this.#options.send(reports)
    } catch {
      this.#failed(reports)
    }
    this.#isSending = false
    if (this.#reports.some(({ place }) => place !== undefined)) void this.flush()
    else if (this.#reports.length > 0) this.#timer ??= setTimeout(() => void this.flush(), gatherMs)
  }

  #failed(reports: readonly Report[]): void {
    let dropped = 0
    for (const report of reports) {
      if (report.place === undefined || this.#kept.length >= mostKept || !this.#options.isCurrent(report))
        dropped += report.outcomes.length
      else this.#kept.push(report)
    }
    if (dropped > 0) this.#options.onDropped(dropped)
  }
}

const away = new Error('the store is away')
