import { durationText } from '../../model/duration.ts'
import type { LimitNumbers } from '../../model/limit-rule.ts'
import type { Micros } from '../algorithms/algorithm.ts'
import type { Fallback, HitOutcome } from '../stores/counter-store.ts'
import { sharedNumbers } from '../stores/resilient/shares.ts'
import { seconds } from './headers.ts'
import type { Question } from './question.ts'

/** Why a policy says what it says, as a sentence for people. */
export function reasonOf(question: Question, outcome: HitOutcome | undefined): string {
  switch (question.kind) {
    case 'unknown':
      return 'there is no such policy; the request passes it'
    case 'skipped':
      return `the request has no ${nameOf(question.missing)}, and onMissing is skip`
    case 'refused':
      return `the request has no ${nameOf(question.missing)}, and onMissing is deny`
    case 'counted':
      return outcome!.fallback === undefined
        ? counted(question.numbers.numbers, question.hit.cost, outcome!)
        : withoutStore(question.numbers.numbers, question.hit.cost, outcome!, outcome!.fallback)
  }
}

function withoutStore(numbers: LimitNumbers, cost: number, outcome: HitOutcome, fallback: Fallback): string {
  const { word, why, place } = fallback
  const store = `the store of the counters ${why}`
  if (word !== 'local') return `${store}, and onStoreFailure is ${word}`
  if (place === undefined)
    return `${store}, and this replica has no share: it has seen no record of the replicas`
  const said = counted(sharedNumbers(numbers, place), cost, outcome)
  return `${store}, and this replica counts its share, one of ${place.replicas}: ${said}`
}

function counted(numbers: LimitNumbers, cost: number, outcome: HitOutcome): string {
  const { remaining, resetAfter, retryAfter, delay } = outcome
  const left = `${remaining} of ${sizeOf(numbers)} left, ${resetOf(numbers, resetAfter)}`
  if (outcome.admitted) return delay > 0 ? `${left}; it waits ${span(delay)} for its turn` : left
  const costs = cost === 1 ? 'one more' : `a cost of ${cost}`
  if (retryAfter === null) return `${costs} never fits; ${left}`
  return `${left}; ${costs} fits in ${span(retryAfter ?? 0)}`
}

function sizeOf(numbers: LimitNumbers): string {
  switch (numbers.algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return `${numbers.limit} in ${durationText(numbers.windowMs)}`
    case 'token_bucket':
      return `${numbers.capacity} tokens`
    case 'leaky_bucket':
      return `${numbers.queue + 1} turns`
  }
}

function resetOf({ algorithm }: LimitNumbers, resetAfter: Micros): string {
  const time = span(resetAfter)
  if (algorithm === 'token_bucket') return resetAfter === 0 ? 'full' : `full in ${time}`
  if (algorithm === 'leaky_bucket') return resetAfter === 0 ? 'idle' : `idle in ${time}`
  return `the window ends in ${time}`
}

/** Milliseconds below a second, whole seconds above. */
function span(time: Micros): string {
  return time < 1_000_000 ? `${Math.ceil(time / 1_000)} ms` : `${seconds(time)} s`
}

function nameOf(part: { kind: string; name?: string }): string {
  return part.name === undefined ? part.kind.replace('_', ' ') : `${part.kind.replace('_', ' ')} ${part.name}`
}
