/** One request to a counter, and what it must answer. Times in seconds, for people; multiples of a microsecond. */
export interface CaseStep<Rule> {
  at: number
  /** 1 where left out. */
  cost?: number
  /** Cost that is given back right before it. */
  giveBack?: number
  /** The rule of this request, where it is not the case's own. */
  rule?: Rule
  admitted: boolean
  /** null where it would never be admitted. Left out where admitted. */
  retryAfter?: number | null
  /** How long an admitted request waits for its turn: 0 where left out. */
  delay?: number
  /** What a client is told afterwards. */
  remaining: number
  resetAfter: number
}

/** Requests to one counter, one after the other, from no state at all. */
export interface Case<Rule> {
  title: string
  rule: Rule
  steps: CaseStep<Rule>[]
}
