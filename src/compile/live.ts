import type { Announcement } from '../model/announcement.ts'
import type { KeptEndpoints } from '../model/kept-endpoints.ts'
import type { Placeholder } from '../model/placeholder.ts'
import type { SecretText } from '../model/secret-text.ts'

/** Where a service listens, as the Envoys reach it. `host` is an IP address or a DNS name. */
export interface ServiceAddress {
  readonly host: string
  readonly port: number
}

/**
 * What is known but not written by users, a value as the state is: equal `state` and `live` compile to equal bytes.
 */
export interface Live {
  /** Replicas of weir's own services. */
  readonly services: { readonly ratelimit: readonly ServiceAddress[] }
  /** By gateway, where its Envoys are: the endpoints of the clusters that forward to it. */
  readonly announced: ReadonlyMap<string, readonly Announcement[]>
  /** Endpoints that clusters without any had last, while they are still served. */
  readonly kept: KeptEndpoints
  /** Address of a listener that names none. */
  readonly listenerAddress: string
  /** Private keys by the id of their secret. A certificate whose key is not here is not served. */
  readonly secrets: ReadonlyMap<string, SecretText>
  /** What is served and trusted instead of a certificate that has no value. */
  readonly placeholder: Placeholder
  /** The public CAs, as PEM text. */
  readonly roots: string
}
