import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { Claim } from './held.ts'
import type { NodeMemory } from './memory.ts'
import type { ResourcesByName } from './snapshot.ts'

/** What is said of a subscription when it begins. */
export interface SubscriptionOptions {
  readonly type: string
  readonly target: Target
  readonly memory: NodeMemory
  /** False for a type that weir does not know: it has nothing to tell, so not even an empty answer. */
  readonly served: boolean
  /** Of this type a response holds everything (`Variant`). */
  readonly holdsAll: boolean
  /** That a name is absent can be said (`Variant`). */
  readonly saysAbsence: boolean
  readonly grows: boolean
  /** A cluster warms until a word on its resource comes, be it that there is none. */
  readonly warms: boolean
  readonly claimsByType: boolean
  /** What it claims of this type it has, and waits for no word on it; else what is in doubt is told anew. */
  readonly claimsSurely: boolean
}

/** What a subscription is to converge to. */
export interface Target {
  readonly revision: number
  readonly resources: ResourcesByName
}

/** What the first request of a type on a stream says. */
export interface Opening {
  /** `*` for all that there are. */
  readonly names: readonly string[]
  /** What the client has from an earlier stream, as far as it says so. */
  readonly held: ReadonlyMap<string, Claim>
  /** `held` is all that it has: without a difference it is owed no answer. */
  readonly complete: boolean
  /** It has resources of this type from an earlier stream. */
  readonly returning: boolean
}

/** The content of one response. */
export interface Batch {
  readonly upserts: readonly EncodedResource[]
  /** Names that the client loses, by a word or by omission. */
  readonly removed: readonly string[]
  /** Those of `removed` that the client asked for, and waits to hear of. */
  readonly absences: readonly string[]
  /**
   * Accepted versions that stand in for others, which may be the cause of a refusal or were never sent alone (where a
   * response holds all that the client is to have), or which are gone or refused (where absence cannot be said). The
   * client may have moved on from these.
   */
  readonly restored: readonly EncodedResource[]
  /**
   * Only where a response holds all that the client is to have, and what it has is not known: refused versions, since
   * leaving them out would remove it.
   */
  readonly standIns: readonly EncodedResource[]
}

/** A response that was sent and not yet answered. */
export interface Outstanding extends Batch {
  readonly nonce: string
  readonly revision: number
}

/** What the client lacks. */
export interface Pending {
  readonly upserts: readonly EncodedResource[]
  /** Versions of which the client has more than all: they go when nothing needs the rest any more (`growth.ts`). */
  readonly shrinks: readonly EncodedResource[]
  /** Names that the client asked for and that do not exist: it waits for an answer, so they go at once. */
  readonly absences: readonly string[]
  /** Names that the client has and is to lose, when no traffic needs them any more. */
  readonly removals: readonly string[]
}

/** How much of the pending may go now; `waiting` is only what the client has just asked for. Shrinks are removals. */
export interface Permit {
  readonly upserts: 'all' | 'waiting' | 'none'
  readonly removals: boolean
}
