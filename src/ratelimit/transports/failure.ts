import { type ErrorCode, messageOf, WeirError } from '../../errors.ts'
import type { Observe } from '../../observe.ts'

type Failure = 'UNAVAILABLE' | 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED' | 'INTERNAL'

const statuses: Partial<Record<ErrorCode, Failure>> = {
  unavailable: 'UNAVAILABLE',
  malformed: 'INVALID_ARGUMENT',
  too_large: 'RESOURCE_EXHAUSTED',
}

/** What a failed decision is to the caller: a gRPC status by name, and what is said. What nobody foresaw is observed. */
export function failureOf(error: unknown, observe: Observe): { code: Failure; message: string } {
  const code = error instanceof WeirError ? statuses[error.code] : undefined
  if (code !== undefined) return { code, message: messageOf(error) }
  observe({ event: 'failed', where: 'ratelimit', error })
  return { code: 'INTERNAL', message: 'internal error' }
}
