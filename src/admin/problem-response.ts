import type { FastifyReply, FastifyRequest } from 'fastify'
import { catalogue, type ErrorCode, type Problem, WeirError } from '../errors.ts'
import type { Confirmation } from '../model/confirmation.ts'
import type { Observe } from '../observe.ts'
import { refusal } from './refusal.ts'
import { securityHeaders } from './security-headers.ts'

export const problemType = 'application/problem+json'
const maxListed = 1_000

/** A problem document of RFC 9457. */
export interface ProblemDocument {
  type: string
  title: string
  status: number
  detail: string
  errors: Problem[]
  /** Of a write that takes much away: what, and the token by which it is confirmed. */
  confirmation?: Confirmation
}

export interface ProblemResponse {
  status: number
  headers: Record<string, string>
  body: ProblemDocument
}

/** What a client is told of a refusal; the cause stays inside. */
export function problemResponse(error: WeirError): ProblemResponse {
  const { status, title } = catalogue[error.code]
  const headers: Record<string, string> = { 'content-type': problemType }
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="weir"'
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter)
  const errors = bounded(error.problems)
  return {
    status,
    headers,
    body: {
      ...{ type: `urn:weir:problem:${error.code}`, title, status, detail: error.message, errors },
      ...error.members,
    },
  }
}

function bounded(problems: Problem[]): Problem[] {
  if (problems.length <= maxListed) return problems
  const message = `there are ${problems.length - maxListed} more problems, which are not listed`
  return [...problems.slice(0, maxListed), { pointer: '', message, remedy: 'mend the listed ones first' }]
}

/** Answers with what was thrown: a refusal as it is, Fastify's own by their status, all else as 500 without details. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  observe: Observe,
): void {
  const known =
    error instanceof WeirError ? error : (fromFramework(error) ?? internal(error, request, observe))
  const { status, headers, body } = problemResponse(known)
  reply
    .code(status)
    .headers({ ...securityHeaders, ...headers })
    .send(JSON.stringify(body))
}

const byStatus = new Map<number, ErrorCode>(
  (Object.keys(catalogue) as ErrorCode[]).map((code) => [catalogue[code].status, code]),
)

function fromFramework(error: unknown): WeirError | undefined {
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown }
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return undefined
  if (code === 'FST_ERR_BAD_URL') {
    return refusal(
      'malformed',
      'The URL is not valid percent-encoding.',
      'write "%" as %25 and encode UTF-8',
      error,
    )
  }
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') {
    return refusal('not_found', 'A name has at most 253 characters.', 'shorten the name in the URL', error)
  }
  const message = error instanceof Error ? error.message : 'The request could not be read.'
  return refusal(
    byStatus.get(statusCode) ?? 'malformed',
    message,
    'see /docs for what is understood here',
    error,
  )
}

function internal(error: unknown, request: FastifyRequest, observe: Observe): WeirError {
  const route = request.routeOptions?.url ?? 'unmatched'
  observe({ event: 'failed', where: `admin ${request.method} ${route} (request ${request.id})`, error })
  const message = `weir failed to answer; its log has the details under request ${request.id}.`
  return refusal('internal', message, 'try again, and report it with the log when it stays')
}
