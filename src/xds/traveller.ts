import type { Happening } from './happening.ts'
import type { Track } from './track.ts'
import type { Variant } from './variant.ts'

/** An Envoy and its way through the revisions. */
export interface Traveller {
  readonly gateway: string
  readonly id: string
  readonly peer: string
  /** The replica that has its stream, where there are several. */
  readonly replica?: string
  readonly track: Track
  /** RFC 3339; absent while it is connected. */
  readonly disconnectedAt?: string
}

/** What can be told of one Envoy. */
export type News =
  | Happening
  | { readonly kind: 'connected'; readonly version: string; readonly protocol: Variant['name'] }
  | { readonly kind: 'disconnected'; readonly reason: string }

/** What is told live of one Envoy; `at` in milliseconds since 1970. */
export type FleetNews = { readonly at: number; readonly envoy: Omit<Traveller, 'track'> } & News
