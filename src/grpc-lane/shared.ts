import type { Observe } from '../observe.ts'
import { Backlogs } from './backlogs.ts'
import type { Bounds, Rule, StreamRule } from './bounds.ts'
import { Budget } from './budget.ts'
import type { Method } from './method.ts'
import { Slabs } from './output.ts'
import { greeting } from './settings.ts'
import { StreamPool } from './stream.ts'

/** What was seen since the start; read it at any time. */
export interface Counts {
  /** Open now. */
  connections: number
  streams: number
  /** Since the start. */
  accepted: number
  frames: number
  calls: number
  resets: number
  /** Calls that were reset, or whose connection went, before a method was asked. */
  dropped: number
  /** Connections cut off and streams refused, by the rule that did it. */
  rules: Partial<Record<Rule, number>>
}

/** What all connections of a lane have in common. */
export interface Shared {
  readonly methods: ReadonlyMap<string, Method>
  readonly bounds: Bounds
  readonly observe: Observe
  readonly counts: Counts
  readonly greeting: Buffer
  /** Bytes of messages that have not arrived in full. */
  readonly held: Budget
  readonly streams: Budget
  readonly backlogs: Backlogs
  readonly pool: StreamPool
  readonly slabs: Slabs
}

/** Streams that are kept for later use. */
const pooledStreams = 4_096

export function createShared(methods: ReadonlyMap<string, Method>, bounds: Bounds, observe: Observe): Shared {
  return {
    methods,
    bounds,
    observe,
    counts: {
      connections: 0,
      streams: 0,
      accepted: 0,
      frames: 0,
      calls: 0,
      resets: 0,
      dropped: 0,
      rules: {},
    },
    greeting: greeting(bounds),
    held: new Budget(bounds.heldBytesInAll),
    streams: new Budget(bounds.streamsInAll),
    backlogs: new Backlogs(bounds.queuedBytesInAll),
    pool: new StreamPool(pooledStreams),
    slabs: new Slabs(),
  }
}

export function countRule(counts: Counts, rule: Rule): void {
  counts.rules[rule] = (counts.rules[rule] ?? 0) + 1
}

/** A stream is refused by a rule; its connection goes on. */
export function countRefusal({ counts, observe }: Shared, rule: StreamRule): void {
  countRule(counts, rule)
  observe({ event: 'lane_refused', rule })
}
