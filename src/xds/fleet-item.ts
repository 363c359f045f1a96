import type { TypeState } from './session.ts'
import type { Variant } from './variant.ts'

/** An Envoy as `GET /v1/fleet` shows it. */
export interface FleetItem {
  readonly gateway: string
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
  readonly version: string
  /** What the bootstrap announced, else the address that the stream came from. */
  readonly addresses: readonly string[]
  /** `unknown`: the replica that had its stream gives no sign of life, and no other has it. */
  readonly state: 'connected' | 'disconnected' | 'refused' | 'unknown'
  /** Which replica of weir has its stream, or had it; absent where there is but one. */
  readonly replica?: string
  /** The variant of ADS that it speaks (spoke); absent when it was refused. */
  readonly protocol?: Variant['name']
  /** `address:port` of the stream's other end. */
  readonly peer: string
  /** RFC 3339; of the newest stream, or of the refusal. */
  readonly connectedAt: string
  readonly disconnectedAt?: string
  /** By short type (`cluster`, `endpoints`, `listener`, `route`); as they were when it left. */
  readonly types: Readonly<Record<string, TypeState>>
  readonly lastNack: LastNack | null
  /** Resources of which it has, by its own words, something else than it should; absent where there is none. */
  readonly drift?: number
  /** Why it was refused or left. */
  readonly reason?: string
}

export interface LastNack {
  readonly type: string
  /** Names in the response that was refused; one name once the culprit is found. */
  readonly resources: readonly string[]
  readonly error: string
  readonly at: string
  /** When the Envoy had everything of this type again; absent while it has not, and when it left before. */
  readonly resolvedAt?: string
}
