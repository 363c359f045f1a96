import type { Observe } from '../../observe.ts'
import type { HitOutcome, Taken } from '../stores/counter-store.ts'
import type { Judged } from './headers.ts'
import type { Question } from './question.ts'

/** A question with what its counter said; nothing where no counter was asked. */
export interface Answered {
  readonly question: Question
  readonly outcome: HitOutcome | undefined
}

/** What was decided of a request. */
export interface Decided {
  readonly admitted: boolean
  readonly answered: readonly Answered[]
}

/** The enforced policy refuses requests like this one, whatever is counted. */
export function isRefused(question: Question): boolean {
  return question.kind === 'refused' && question.enforced
}

/** Puts the outcomes of the counted questions back to their places. */
export function decided(questions: readonly Question[], taken: Taken): Decided {
  let next = 0
  const answered = questions.map((question) => ({
    question,
    outcome: question.kind === 'counted' ? taken.outcomes[next++] : undefined,
  }))
  return { admitted: taken.admitted && !questions.some(isRefused), answered }
}

/** What clients are told of: the policies that are enforced for the request and did not skip it. */
export function judgedOf({ answered }: Decided): Judged[] {
  const judged: Judged[] = []
  for (const { question, outcome } of answered) {
    if (question.kind === 'unknown' || question.kind === 'skipped' || !question.enforced) continue
    const { policy, rule, numbers } = question
    judged.push({
      policy,
      quota: numbers.bound.quota,
      admitted: outcome?.admitted ?? false,
      retryAfter: outcome?.retryAfter ?? null,
      standing: outcome,
      xRateLimitHeaders: rule.rule.xRateLimitHeaders,
    })
  }
  return judged
}

/** Whether a policy refuses the request; one in shadow never does. */
export function denies({ question, outcome }: Answered): boolean {
  if (question.kind === 'refused') return question.enforced
  return question.kind === 'counted' && question.enforced && outcome?.admitted === false
}

/** Tells what each policy said. A counter that would have admitted a refused request took nothing. */
export function report(gateway: string, { admitted, answered }: Decided, observe: Observe): void {
  for (const { question, outcome } of answered) {
    if (question.kind === 'unknown') {
      observe({ event: 'unknown_policy', gateway, policy: question.policy })
      continue
    }
    const { policy, numbers, enforced } = question
    const would = question.kind === 'skipped' ? 'skipped' : outcome?.admitted === true ? 'admitted' : 'denied'
    const result = would === 'admitted' && !admitted ? 'not_counted' : would
    observe({
      event: 'decision',
      gateway,
      policy,
      plan: numbers.plan ?? '',
      result: enforced || result === 'skipped' ? result : `shadow_${result}`,
    })
  }
}
