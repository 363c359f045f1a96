import type { Deviation } from './drift.ts'
import type { LastNack } from './fleet-item.ts'
import type { DeliveryState, Nack, TypeState } from './session.ts'
import type { Snapshot } from './snapshot.ts'
import type { Progress } from './track.ts'
import type { Variant } from './variant.ts'

/** What the fleet asks of a stream that is being served. */
export interface StreamView {
  readonly protocol: Variant['name']
  /** Revision of the snapshot that the stream converges to. */
  revision(): number
  /** That snapshot; nothing where the stream is at another replica. */
  snapshot?(): Snapshot
  types(): Record<string, TypeState>
  delivery(): { state: DeliveryState | 'unknown'; nacks: readonly Nack[] }
  /** Whether the Envoy accepted this version of a resource; `type` is a URL. Absent where the stream is at another replica. */
  accepted?(type: string, name: string, version: string): boolean
  /** Where what the Envoy says that it has is not what it should have. Absent where the stream is at another replica. */
  deviations?(): Deviation[]
}

/** A stream of this replica. */
export interface OwnView extends StreamView {
  /** The same as `delivery`, with what is on its way. */
  progress(): Progress
}

/** How a stream tells the fleet about itself. */
export interface StreamHandle {
  /** Something was answered or asked: waiting receipts may be due. */
  changed(): void
  nacked(nack: Pick<LastNack, 'type' | 'resources' | 'error'>): void
  left(reason: string): void
}
