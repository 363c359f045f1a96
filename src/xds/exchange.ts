import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { ResourcesByName } from './snapshot.ts'

/** What a subscription is to converge to. */
export interface Target {
  readonly revision: number
  readonly resources: ResourcesByName
}

/** A response that was sent and not yet answered. */
export interface Outstanding {
  readonly nonce: string
  readonly revision: number
  readonly upserts: readonly EncodedResource[]
  readonly removed: readonly string[]
}

/** What the client lacks. */
export interface Pending {
  readonly upserts: readonly EncodedResource[]
  /** Names that the client asked for and that do not exist: it waits for an answer, so they go at once. */
  readonly absences: readonly string[]
  /** Names that the client has and is to lose, when no traffic needs them any more. */
  readonly removals: readonly string[]
}

/** How much of the pending may go now; `waiting` is only what the client has just asked for. */
export interface Permit {
  readonly upserts: 'all' | 'waiting' | 'none'
  readonly removals: boolean
}

export interface Batch {
  readonly upserts: readonly EncodedResource[]
  readonly removed: readonly string[]
}
