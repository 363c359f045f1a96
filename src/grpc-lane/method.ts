/**
 * Answers one call. A `Uint8Array` that is returned at once is copied before the next method is asked, so that it may be
 * a view of a buffer that is used again; one that a promise brings must stay as it is.
 *
 * Throw or reject with a `LaneError` to answer with its status; anything else is INTERNAL, whose cause the caller sees as
 * the event `failed` and the peer never.
 *
 * @param message the request's bytes without the length prefix: a view of what was read, valid until the method returns.
 *   A method that waits takes what it needs first.
 * @param call valid until the method has answered: objects are used again. Of one that is aborted, `aborted` alone is.
 */
export type Method = (message: Buffer, call: Call) => Uint8Array | Promise<Uint8Array>

/** What is known of a call beside its message. */
export interface Call {
  /** `/package.Service/Method`. */
  readonly path: string
  /** When the caller gives up, in milliseconds of `performance.now()`; `Infinity` where it did not say. */
  readonly deadline: number
  /** The caller has reset the call, or its connection is gone: nobody waits for the answer. */
  readonly aborted: boolean
}

/** Status codes of gRPC, by name (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type StatusName = keyof typeof status

/** An answer that is a gRPC status other than OK. Both the code and the message are shown to the caller. */
export class LaneError extends Error {
  readonly code: StatusName

  constructor(code: StatusName, message: string) {
    super(message)
    this.name = 'LaneError'
    this.code = code
  }
}
