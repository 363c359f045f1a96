import type { Method } from './method.ts'
import type { Refusal } from './refusal.ts'

/**
 * What is kept of a request's headers while it is open. It may be shared by all requests with the same block, so nothing in it
 * changes; and nothing in it is longer than what is known here, so that headers hold no memory.
 */
export class Head {
  /** Of the method that is asked for; empty where there is none. */
  path = ''
  /** -1 where it is not said. */
  contentLength = -1
  /** `grpc-encoding` names one, and another than `identity`. */
  encoded = false
  /** HEAD: its answer has no body (RFC 9110 section 9.3.2). */
  bodiless = false
  /** Why RFC 9113 has it refused as malformed. */
  malformed: string | undefined
  /** It may be trailers: RFC 9113 section 8.1 has no pseudo-headers there. */
  trailers = false
  /** What it asks for, as `grpc.ts` found: a method, or else why there is none. */
  asks: Method | undefined
  refusal: Refusal | undefined
  /** Milliseconds that `grpc-timeout` says. */
  timeoutMs = Number.POSITIVE_INFINITY
}
