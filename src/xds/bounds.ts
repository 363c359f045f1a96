const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/**
 * Bounds on what one client may make the server hold or do. Each is far above what an Envoy of a large
 * gateway (10,000 clusters, endpoints and route configurations) needs, and keeps a client that misbehaves
 * from taking the memory or the time of the others. Counts multiply, so what is held is bounded in bytes too.
 */
export const bounds = {
  /** Names in one request (subscribe, unsubscribe and initial versions each): a reconnect lists them all. */
  namesPerRequest: 50_000,
  /** Names that one stream may subscribe to in one type. */
  namesPerSubscription: 50_000,
  /** Characters of a resource name: Envoy's own limit of names in stats and xDS is far lower in practice. */
  nameLength: 1_024,
  /** Resource types on one stream, and characters of a type URL: an Envoy knows about fifteen, of up to 80. */
  typesPerStream: 32,
  typeLength: 256,
  /**
   * Bytes for the names and versions of one stream. An Envoy that comes back with 10,000 resources of each of four
   * types, of 60 characters, takes 9 MiB at most until it has settled, and nothing when it has what the snapshot has.
   */
  bytesPerStream: 24 * mebibyte,
  /**
   * The same for all streams: beyond it who asks for more is sent away, and comes back when others settled; but for those of
   * an address with less than its part of it, so that one address cannot shut out the others.
   */
  bytesOfStreams: 1024 * mebibyte,
  /** What a name costs beside its characters: an entry in each of a set and two maps. */
  bytesPerName: 100,
  /** Characters of a version or a nonce in a request; ours have 16 and fewer. */
  versionLength: 256,
  /** Characters of a node's id, gateway, and of each label, and how many labels and addresses it may have. */
  nodeTextLength: 256,
  nodeLabels: 64,
  nodeAddresses: 16,
  /** Names that the last NACK in the fleet view lists: the response may have held every resource of a gateway. */
  nackNames: 100,
  /** Characters of a NACK's message that are kept: Envoy repeats the offending configuration in it. */
  nackLength: 2_000,
  /** Requests that answer no response of ours, per second and stream, with this burst: a start needs about ten. */
  requestsPerSecond: 100,
  requestBurst: 1_000,
  /** The same of all streams of an address: 2,000 Envoys that come back at once, with a hundred requests each. */
  requestsPerSecondOfAddress: 4_000,
  requestBurstOfAddress: 200_000,
  /** Addresses whose requests are remembered, streams or not. */
  addresses: 16_384,
  /** Bytes of one request: 50,000 names of 100 characters with their versions fit. To read so much takes some 0.1 s. */
  requestBytes: 8 * mebibyte,
  /**
   * Milliseconds in which a request must arrive: 8 MiB do over 3 Mbit/s. And bytes of requests that have arrived in part, of
   * an address and in all, with the milliseconds between two looks at them: 2,000 Envoys that come back with 100 KiB each.
   */
  requestMs: 30_000,
  halfReadBytesOfAddress: 256 * mebibyte,
  halfReadBytes: 512 * mebibyte,
  halfReadLookMs: 250,
  /** Streams per connection: an Envoy opens one for its configuration, and one for what it counts. */
  streamsPerConnection: 4,
  /**
   * Streams in all, each of which is a node, and from one address (of IPv6: network of 64 bits): 2,000 Envoys behind one
   * NAT come back at once while their former streams are not yet known to be gone.
   */
  streams: 10_000,
  streamsOfAddress: 4_096,
  /** Connections that wait to be let in (listen(2)): beyond them the kernel resets some of a fleet that comes at once. */
  backlog: 4_096,
  /** Connections likewise; more, since one comes before its stream and may outlive it. */
  connections: 12_288,
  connectionsOfAddress: 5_120,
  /** Milliseconds for a TLS handshake, and until a connection without a stream is closed: an Envoy opens one at once. */
  handshakeMs: 10_000,
  idleConnectionMs: 30_000,
  /** Milliseconds that a status has to arrive, where its connection is to end. */
  partingMs: 500,
  /** Milliseconds within which a new stream must say who it is. */
  firstRequestMs: 15_000,
  /** Clusters of which one message of stats may tell, and endpoints: five times what Envoys of a large gateway have. */
  clustersTold: 50_000,
  endpointsTold: 50_000,
  /** Envoys remembered after they left or were refused, in number, and for how many milliseconds. */
  departed: 1_000,
  refused: 100,
  rememberedMs: 10 * 60_000,
  /**
   * Bytes of rejected versions and doubtful ones, of one Envoy: 5,000 names of 100 characters, or 400 rejections
   * with the longest reasons. The oldest give way; a rejected version is then tried once more.
   */
  memoryBytesPerNode: mebibyte,
  /** The same for all Envoys, live ones and those that left: 64 at their limit, or 10,000 with 60 names each. */
  memoryBytes: 64 * mebibyte,
  /** What remembering a node, and one thing of it, costs beside the text. */
  memoryNodeBytes: kibibyte,
  memoryEntryBytes: 100,
  /**
   * Bytes of state-of-the-world versions whose meaning is kept, and what a resource takes in one: some 50 versions of
   * a gateway with 10,000 resources of a type, or thousands of a small one.
   */
  versionsBytes: 32 * mebibyte,
  bytesPerBaseEntry: 64,
  /** Bytes of resources that are kept so that a client that comes back with one need not be asked what it is. */
  recentBytes: 64 * mebibyte,
  /** Bytes of what is left in a resource for users that are still in force: 250 of the largest key sets. */
  leftoverBytes: 16 * mebibyte,
  /** Envoys that left whose memory is kept, and for how many milliseconds: Envoy tries again every 30 s at least. */
  nodesRemembered: 10_000,
  memoryMs: 60 * 60_000,
  /** Milliseconds until a refused version is tried again: at first, and at most; it doubles in between. */
  retryFirstMs: 5_000,
  retryLastMs: 5 * 60_000,
  /** Milliseconds in which a client must take a response: 20 MiB do over 3 Mbit/s. One that never reads is cut off then. */
  unreadMs: 60_000,
  /**
   * Bytes that may be under way to all Envoys that join: some of the largest gateways are served at once. Milliseconds for
   * which one is waited for that takes nothing (16 MiB a second fill 130 Mbit/s), and that does not answer what it took: a
   * fleet that takes long to answer is sent 160 MiB a second.
   */
  joinBytes: 16 * mebibyte,
  joinTakeMs: 1_000,
  joinAnswerMs: 100,
} as const

/** A client broke a bound or the protocol: its stream ends with this gRPC status. */
export interface Violation {
  readonly code: 'RESOURCE_EXHAUSTED' | 'INVALID_ARGUMENT'
  readonly message: string
}

export interface RequestBudget {
  take(now: number): boolean
}

/** A token bucket for requests; `now` in milliseconds. */
export function requestBudget(
  perSecond: number = bounds.requestsPerSecond,
  burst: number = bounds.requestBurst,
): RequestBudget {
  let tokens = burst
  let last: number | undefined
  return {
    take(now) {
      const elapsed = last === undefined ? 0 : Math.max(0, now - last)
      tokens = Math.min(burst, tokens + (elapsed / 1000) * perSecond)
      last = now
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}

export const floodMessage =
  `more than ${bounds.requestsPerSecond} requests per second that answer no response, ` +
  `or ${bounds.requestsPerSecondOfAddress} of all streams of this address`
