import { constants, createHistogram, PerformanceObserver, type RecordableHistogram } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'

/** Calls between two turns of the event loop. */
const slice = 100

/** Microseconds. */
export interface Times {
  p50: number
  p99: number
  p99999: number
  max: number
}

/** Pauses of a run: from one call to the next, and the processor time of a slice of calls, in microseconds. */
export interface Paced {
  gaps: Times
  slowestSlice: number
}

let longest = 0
new PerformanceObserver((list) => {
  for (const { duration, detail } of list.getEntries() as unknown as Collection[]) {
    const isForced = (detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0
    if (!isForced) longest = Math.max(longest, duration * 1_000)
  }
}).observe({ entryTypes: ['gc'] })

interface Collection {
  duration: number
  detail: { flags: number }
}

/** The longest garbage collection of this process, in microseconds, of those that nobody asked for. */
export async function longestCollection(): Promise<number> {
  // Entries of the last ones are told in the next turn.
  await setImmediate()
  return longest
}

export function times(histogram: RecordableHistogram): Times {
  const { max } = histogram
  const at = (percent: number) => histogram.percentile(percent) / 1_000
  return { p50: at(50), p99: at(99), p99999: at(99.999), max: max / 1_000 }
}

/** Records milliseconds as nanoseconds. */
export function record(histogram: RecordableHistogram, milliseconds: number): void {
  histogram.record(Math.max(1, Math.round(milliseconds * 1e6)))
}

/**
 * Calls back with each number and keeps the longest pauses, in microseconds: the time from one call to the next, turns
 * of the event loop included; and the processor time of this thread for a slice of calls, which other programs on a
 * busy machine do not lengthen (the kernel may count it in ticks of some milliseconds).
 */
export async function paced(count: number, each: (index: number) => void): Promise<Paced> {
  const gaps = createHistogram()
  let slowestSlice = 0
  let last = performance.now()
  for (let index = 0; index < count; ) {
    const before = process.threadCpuUsage()
    for (let end = Math.min(count, index + slice); index < end; index++) {
      each(index)
      const time = performance.now()
      record(gaps, time - last)
      last = time
    }
    const { user, system } = process.threadCpuUsage(before)
    slowestSlice = Math.max(slowestSlice, user + system)
    await setImmediate()
  }
  return { gaps: times(gaps), slowestSlice }
}
