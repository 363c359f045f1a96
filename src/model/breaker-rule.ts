/** The strict circuit breaker of one cluster as the service applies it, its defaults filled in. */
export interface BreakerRule {
  readonly cluster: string
  /** The OutlierDetectionPolicy that has it. */
  readonly policy: string
  /** It opens when more than this share of the window failed. Percent, 1 to 99. */
  readonly errorRate: number
  /** Outcomes in a row that are looked at. */
  readonly window: number
  /** How long it stays open. Microseconds. */
  readonly open: number
  /** Requests in flight at once while it is half-open, and successes in a row that close it. */
  readonly probes: number
  /** A success that took longer counts as a failure. Milliseconds. */
  readonly slowerThan?: number
  /** Requests that it refuses go elsewhere, so that they are not answered with 503. */
  readonly fallback: boolean
}
