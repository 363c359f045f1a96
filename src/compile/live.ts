import type { Announcement } from '../model/announcement.ts'

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
  /** Address of a listener that names none. */
  readonly listenerAddress: string
}
