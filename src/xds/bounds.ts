/**
 * Bounds on what one client may make the server hold or do. Each is far above what an Envoy of a large
 * gateway (10,000 clusters, endpoints and route configurations) needs, and keeps a client that misbehaves
 * from taking the memory or the time of the others.
 */
export const bounds = {
  /** Names in one request (subscribe, unsubscribe and initial versions each): a reconnect lists them all. */
  namesPerRequest: 50_000,
  /** Names that one stream may subscribe to in one type. */
  namesPerSubscription: 50_000,
  /** Characters of a resource name: Envoy's own limit of names in stats and xDS is far lower in practice. */
  nameLength: 1_024,
  /** Resource types on one stream: an Envoy knows about fifteen. */
  typesPerStream: 32,
  /** Characters of a version or a nonce in a request; ours have 16 and fewer. */
  versionLength: 256,
  /** Characters of a node's id, gateway, and of each label, and how many labels and addresses it may have. */
  nodeTextLength: 256,
  nodeLabels: 64,
  nodeAddresses: 16,
  /** Characters of a NACK's message that are kept: Envoy repeats the offending configuration in it. */
  nackLength: 2_000,
  /** Requests that answer no response of ours, per second and stream, with this burst: a start needs about ten. */
  requestsPerSecond: 100,
  requestBurst: 1_000,
  /** Bytes of one request: 50,000 names with their versions fit. */
  requestBytes: 16 * 1024 * 1024,
  /** Streams per connection (an Envoy opens one) and in all. */
  streamsPerConnection: 16,
  streams: 10_000,
  /** Milliseconds within which a new stream must say who it is. */
  firstRequestMs: 15_000,
  /** Envoys remembered after they left or were refused, in number, and for how many milliseconds. */
  departed: 1_000,
  refused: 100,
  rememberedMs: 10 * 60_000,
  /** Rejected versions, and doubtful ones, that are remembered of one Envoy; and of how many Envoys. */
  memoriesPerNode: 1_000,
  nodesRemembered: 10_000,
} as const

/** A client broke a bound or the protocol: its stream ends with this gRPC status. */
export interface Violation {
  readonly code: 'RESOURCE_EXHAUSTED' | 'INVALID_ARGUMENT'
  readonly message: string
}

/** A token bucket for requests; `now` in milliseconds. */
export function requestBudget(): { take(now: number): boolean } {
  let tokens: number = bounds.requestBurst
  let last: number | undefined
  return {
    take(now) {
      const elapsed = last === undefined ? 0 : Math.max(0, now - last)
      tokens = Math.min(bounds.requestBurst, tokens + (elapsed / 1000) * bounds.requestsPerSecond)
      last = now
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
