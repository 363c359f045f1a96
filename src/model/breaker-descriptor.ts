/**
 * How Envoy speaks with the service about strict breakers: it asks before it forwards a request to a cluster that has one,
 * and reports what became of a request that was let through. The compiler writes Envoy's actions and the service reads
 * the entries by these names, so that they cannot disagree.
 */

/** The `domain` of these requests. No gateway's name has a slash. */
export const breakerDomain = 'weir/breaker'

/** Entries of a descriptor. The first says which kind it is. */
export const breakerEntries = {
  /** `ask`, `report` or `duration` */
  kind: 'breaker',
  /** Envoy fixes this key for its `destination_cluster` action. */
  cluster: 'destination_cluster',
  /** ask: how long the route lets a request take. Whole milliseconds. */
  timeout: 'timeout',
  /**
   * ask: the route has a twin for a request that is refused; the value is `yes`. An Envoy may have a revision that knows no
   * fallback yet, and would send the request on.
   */
  fallback: 'fallback',
  /** report, duration: what the service gave when it let the request through. */
  generation: 'gen',
  /** report, duration: `BreakerOutcome` */
  outcome: 'outcome',
} as const

/**
 * The report of a success comes with a second descriptor where time matters, of the kind `duration`: its `hits_addend` are
 * the milliseconds from when the whole request was on its way to the upstream until the answer began, 0 if it has none.
 * It is missing where the answer came before the end of the request.
 */
export type BreakerDescriptor = 'ask' | 'report' | 'duration'

/** `abort`: the client left, or Envoy answered by itself for another reason than the upstream's failure. */
export type BreakerOutcome = 'ok' | 'fail' | 'abort'

/**
 * What the service says by dynamic metadata of Envoy's, in a namespace of its own that no client can write to. Texts, and
 * never empty ones.
 */
export const breakerMetadata = {
  namespace: 'weir.breaker',
  /** The request is let through, and its outcome counts for this generation. */
  generation: 'gen',
  /** The breaker of this cluster is open, and the request is to go to its fallback. */
  fallback: 'fallback',
  /** The request is refused: the status of the problem document that the client gets. */
  problem: 'problem',
} as const

/** What a problem document says of a refusal. */
export const breakerIsOpen = 'The circuit breaker of the service is open.'

/** What counts for a route without a timeout. Milliseconds. */
export const timeoutWithoutOne = 60_000
