/** A rate-limit service in a process of its own. */
export interface Service {
  port: number
  /** The service's process, and that of its store. */
  pids: { service: number; store?: number }
  dialect: Dialect
  /** Connections that it cut off, by the rule that did it. */
  cuts?: Readonly<Record<string, number>>
  stop(): Promise<void>
}

/**
 * Whose descriptors: weir's name the policy, those of the others are keyed by it. `ask` and `report` are those about a
 * circuit breaker.
 */
export type Dialect = 'weir' | 'plain' | 'ask' | 'report'
