import type { FleetItem } from './fleet-item.ts'
import type { StreamView } from './stream-view.ts'

/** One connected Envoy and its live stream. */
export interface Connected {
  readonly gateway: string
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
  readonly peer: string
  /** The replica that has the stream. */
  readonly replica?: string
  /** Whether that is another one. */
  readonly isElsewhere: boolean
  readonly view: StreamView
}

/** The Envoys of the other replicas, as those tell of them. */
export interface Elsewhere {
  connected(gateway: string): readonly Connected[]
  list(): readonly FleetItem[]
}

/** Of one that is alone. */
export const nowhere: Elsewhere = { connected: () => [], list: () => [] }

/** An Envoy of this replica, for who tells the others of it. */
export interface OwnEnvoy {
  readonly item: FleetItem
  /** While its stream lives. */
  readonly view: StreamView | undefined
  /** Grows with what happens on the stream. */
  readonly changes: number
}

/** An Envoy with a live stream, and what it says of where it is. */
export interface StreamPlace {
  readonly gateway: string
  readonly id: string
  /** As its bootstrap announces them. */
  readonly addresses: readonly string[]
  /** Address of the stream's other end, without its port. */
  readonly peer: string
}
