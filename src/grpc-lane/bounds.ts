const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/**
 * Bounds on everything that a peer controls. One Envoy carries all its clients over a few connections, so what a client
 * can bring about through an Envoy costs a stream alone; what only a peer that breaks or abuses the protocol does costs
 * the connection. Each number is far above what an Envoy, grpc-go or grpc-js does at 100,000 calls a second.
 */
export const defaultBounds = {
  // per lane
  /**
   * Connections. An Envoy opens one a worker thread: 500 Envoys of 32 cores. Beyond, the one that has been idle for longest
   * makes room for a new one, which is refused where none is idle. Each may have sent a part of a frame and of a field, of 16
   * and 32 KiB, that is kept until the rest comes: 768 MiB if all of them did.
   */
  connections: 16_384,
  /** Open streams over all connections, of some 300 bytes each. */
  streamsInAll: 262_144,
  /** Bytes of messages that have not arrived in full, over all connections and over one. */
  heldBytesInAll: 256 * mebibyte,
  heldBytes: 16 * mebibyte,
  /** Bytes of answers that wait for peers which do not read, or open no window: beyond, whoever has the most is cut off. */
  queuedBytesInAll: 256 * mebibyte,

  // per connection, in time
  /** Milliseconds for a TLS handshake, and from the connection to the end of the preface and the first SETTINGS. */
  handshakeMs: 10_000,
  prefaceMs: 10_000,
  /** Milliseconds within which a frame that has begun, and a block of headers, must have arrived. */
  frameMs: 10_000,
  /**
   * Milliseconds from the headers of a request to its end, and the same once more for the peer to take an answer; Envoy
   * waits some 20 ms for a decision. And for how long nothing of what waits may go out to a peer that does not read.
   */
  requestMs: 30_000,
  /** Milliseconds of silence after which a peer is asked by a PING, and for which it may take to say anything then. */
  idleMs: 30_000,
  pingMs: 10_000,
  /** Milliseconds that a connection which was cut off has to read why. */
  lingerMs: 1_000,

  // per connection, in number: the floods, counted in windows of `windowMs`
  windowMs: 10_000,
  /** SETTINGS: a peer sends one at the start, and one when its configuration changes. */
  settings: 100,
  /** PING beyond one a call: grpc-go measures bandwidth by one a round trip while there are calls. */
  pings: 1_000,
  /** Frames that carry nothing: DATA without data that does not end a stream. */
  emptyFrames: 1_000,
  /** PRIORITY, WINDOW_UPDATE, unknown frames, and frames for streams that are closed, beyond four a call. */
  idleFrames: 10_000,
  /** Streams that ended by an error of the peer's: requests which are malformed. A client cannot make Envoy send one. */
  streamErrors: 1_000,
  /** RST_STREAM: Envoy sends one for each client that goes and each timeout, so only beyond what a fleet of clients does. */
  resets: 50_000,

  // per connection, in size
  /** Open streams: SETTINGS_MAX_CONCURRENT_STREAMS. Envoy opens another connection beyond. */
  streams: 8_192,
  /** Calls whose method has not answered yet, reset ones included: beyond it new streams are refused. */
  pendingCalls: 16_384,
  /**
   * Bytes of one block of headers, which are read as they come: SETTINGS_MAX_HEADER_LIST_SIZE. Envoy passes a client's `tracestate`
   * on with its question, and can be told to take headers of up to 8 MiB; our own gateways up to 1 MiB.
   */
  blockBytes: 16 * mebibyte,
  /** CONTINUATION frames of one block, beyond one a KiB: Envoy fills each but the last. */
  continuations: 16,
  /** Bytes of the decoder's dynamic table, which is memory of ours that the peer fills: SETTINGS_HEADER_TABLE_SIZE. */
  tableBytes: 4 * kibibyte,
  /** What `queuedBytesInAll` says, of one connection. */
  queuedBytes: 8 * mebibyte,

  // per stream
  /**
   * Bytes of a header's value as they come, beyond which it is not read: one that means nothing to a call is skipped, which a
   * client can bring about, and another refused. At least four times `tableBytes`.
   */
  fieldBytes: 16 * kibibyte,
  /** Largest message: what Envoy takes of headers, 60 KiB, for each of 32 policies, twice over. */
  messageBytes: 4 * mebibyte,
  /** Bytes of a body that is no gRPC, which is read and thrown away. */
  foreignBytes: mebibyte,
} as const

export type Bounds = { readonly [Name in keyof typeof defaultBounds]: number }

/** Names of the rules by which a connection is cut off. */
export const connectionRules = [
  'alpn',
  'connections',
  'handshake_timeout',
  'preface',
  'preface_timeout',
  'frame_timeout',
  'keepalive_timeout',
  'protocol',
  'frame_size',
  'flow_control',
  'stream_closed',
  'compression',
  'settings_flood',
  'ping_flood',
  'empty_frames',
  'idle_frames',
  'stream_errors',
  'reset_flood',
  'continuation_flood',
  'slow_reader',
  'internal',
] as const

/** Names of the rules by which one stream is refused. */
export const streamRules = [
  'streams',
  'pending_calls',
  'header_list',
  'message_size',
  'held_bytes',
  'request_timeout',
  'answer_timeout',
  'malformed',
] as const

export type ConnectionRule = (typeof connectionRules)[number]
export type StreamRule = (typeof streamRules)[number]
export type Rule = ConnectionRule | StreamRule
