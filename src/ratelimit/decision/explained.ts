import type { HitOutcome } from '../stores/counter-store.ts'
import type { Decided } from './decision.ts'
import type { Question } from './question.ts'
import { reasonOf } from './reason.ts'
import { refusalOf } from './refusal.ts'
import { shownKey, shownParts } from './shown-key.ts'
import type { Explanation, Verdict } from './verdict.ts'

/** A decision as it is told to people. */
export function explained(decision: Decided, credentials: ReadonlySet<string>): Explanation {
  const { admitted, answered } = decision
  return {
    admitted,
    ...(!admitted && { status: refusalOf(answered).status }),
    verdicts: answered.map(({ question, outcome }) => verdictOf(question, outcome, credentials)),
  }
}

function verdictOf(
  question: Question,
  outcome: HitOutcome | undefined,
  credentials: ReadonlySet<string>,
): Verdict {
  const reason = reasonOf(question, outcome)
  if (question.kind === 'unknown')
    return { policy: question.policy, result: 'unknown', enforced: false, reason }
  const { policy, rule, numbers, values, counter, enforced } = question
  const common = {
    policy,
    key: shownKey(counter, shownParts(rule.rule.key, values, credentials)),
    enforced,
    reason,
    numbers: numbers.numbers,
    from: numbers.from,
    unit: numbers.bound.unit,
  }
  if (question.kind === 'skipped') return { ...common, result: 'skipped' }
  if (outcome === undefined || question.kind === 'refused')
    return { ...common, result: 'denied', retryAfter: null }
  const { admitted, retryAfter, delay, remaining, resetAfter } = outcome
  return {
    ...common,
    result: admitted ? 'admitted' : 'denied',
    cost: question.hit.cost,
    standing: { remaining, resetAfter },
    delay: enforced ? delay : 0,
    ...(!admitted && { retryAfter }),
  }
}
