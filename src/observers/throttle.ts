import type { Event, Observe } from '../observe.ts'

type Cut = Extract<Event, { event: 'lane_cut' | 'xds_refused' }>

const windowMs = 10_000
/** Pairs of a rule and an address that are told apart in a window; all others of a rule are one. */
const rememberedPairs = 1_024

/**
 * Passes on the first cut or refusal of each rule and address in 10 s, and one event with the number of the others when they
 * are over.
 */
export function throttleCuts(observe: Observe): Observe {
  const windows = new Map<string, { last: Cut; cuts: number }>()

  function close(): void {
    const over = [...windows.values()]
    windows.clear()
    for (const { last, cuts } of over) if (cuts > 0) observe({ ...last, cuts })
  }

  return (event) => {
    if (event.event !== 'lane_cut' && event.event !== 'xds_refused') return observe(event)
    const address = event.peer.slice(0, event.peer.lastIndexOf(':'))
    const own = `${event.event} ${event.rule} ${address}`
    const key = windows.has(own) || windows.size < rememberedPairs ? own : `${event.event} ${event.rule}`
    const seen = windows.get(key)
    if (seen !== undefined) {
      seen.last = event
      seen.cuts++
      return
    }
    if (windows.size === 0) setTimeout(close, windowMs).unref()
    windows.set(key, { last: event, cuts: 0 })
    observe(event)
  }
}
