/** By what replicas ask each other how clusters are. What they answer is the business of `control/`, and JSON here. */
export interface HealthQuestion {
  readonly id: string
  /** The replica that asks: where it serves xDS. */
  readonly from: string
  /** Absent: whatever is amiss. */
  readonly cluster?: string
}

export interface HealthAnswer {
  readonly replica: string
  readonly answer: unknown
}

export interface HealthAnswers {
  /** Asks all other replicas; answers with the names of those that live. */
  ask(question: HealthQuestion): Promise<string[]>
  /** Answers another replica. */
  tell(question: string, answer: HealthAnswer): Promise<void>
  /** What was answered and not yet read. */
  read(question: string): Promise<HealthAnswer[]>
}
