import { setTimeout as pause } from 'node:timers/promises'
import type { ProblemDocument } from '../admin/problem-response.ts'
import { messageOf, type Problem } from '../errors.ts'
import { type Cli, Refused } from './cli.ts'
import type { Connection } from './connection.ts'
import { problemLine, retold } from './problem-line.ts'

/** How long an answer may take beyond the time that the API was asked to wait. */
const answerMs = 60_000
/** Pauses before a write whose answer was lost is sent again. */
const retryAfterMs = [250, 1_000]

export interface Request {
  method: string
  /** Path and query, from `/v1` on. */
  path: string
  headers?: Record<string, string>
  body?: string
  waitMs?: number
  /** Where the request changes something. */
  write?: Write
}

/** What is to be known of a write for the case that its answer is lost. */
export interface Write {
  /** The `Idempotency-Key` under which it may be sent again; without one it is sent once. */
  key?: string
  /** Says how to see whether it was made. */
  see: string
}

export interface Answer {
  status: number
  text: string
  headers: Headers
}

/** The API refused, by a problem document; the lines tell the same. */
export class ApiRefused extends Refused {
  readonly problem: ProblemDocument

  constructor(problem: ProblemDocument, lines: readonly string[] = linesOf(problem)) {
    super(...lines)
    this.problem = problem
  }

  override followedBy(...lines: string[]): ApiRefused {
    return new ApiRefused(this.problem, [...this.lines, ...lines])
  }
}

function linesOf({ detail, errors }: ProblemDocument): string[] {
  return errors.length > 0 ? errors.map((problem) => problemLine(problem, [])) : [retold(detail)]
}

export type Client = (request: Request) => Promise<Answer>

/**
 * Speaks to the admin API; whatever is no success is thrown as `Refused`, with the remedy. A write whose connection is
 * lost before its answer is sent again under its key, which makes it once at most.
 */
export function createClient(connection: Connection, cli: Cli): Client {
  const send = (request: Request) =>
    once(connection, cli, request).catch((error) => {
      cli.signal.throwIfAborted()
      throw error
    })
  return async (request) => {
    try {
      return await send(request)
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      if (request.write === undefined || !error.sent) throw unreachable(connection.url, error)
      return await resolved(connection, cli, error, () => send(request), request.write)
    }
  }
}

/** What became of a write whose answer was lost. A refusal of the same request says that it was not made. */
async function resolved(
  { url }: Connection,
  { signal }: Cli,
  lost: Unanswered,
  again: () => Promise<Answer>,
  { key, see }: Write,
): Promise<Answer> {
  const pauses = key === undefined || lost.late ? [] : retryAfterMs
  for (const ms of pauses) {
    await pause(ms, undefined, { signal })
    try {
      return await again()
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ApiRefused && error.problem.status < 500) throw error
    }
  }
  throw new Refused(
    `the connection to ${url.origin} was lost before the answer came (${lost.message}): whether it was written is unknown.`,
    see,
  )
}

async function once(connection: Connection, cli: Cli, request: Request): Promise<Answer> {
  const { url, token } = connection
  const { method, path, headers: given = {}, body, waitMs = 0, write } = request
  const headers: Record<string, string> = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(write?.key === undefined ? {} : { 'idempotency-key': write.key }),
    ...given,
  }
  const signal = AbortSignal.any([cli.signal, AbortSignal.timeout(waitMs + answerMs)])
  const init = { method, headers, signal, redirect: 'error' as const }
  let answer: Answer
  try {
    const response = await fetch(new URL(path, url), body === undefined ? init : { ...init, body })
    answer = { status: response.status, headers: response.headers, text: await response.text() }
  } catch (error) {
    throw new Unanswered(error)
  }
  if (answer.status < 400) return answer
  throw refusalOf(connection, answer)
}

/** Why the API refused, with what to do. */
export function refusalOf(connection: Connection, answer: Pick<Answer, 'status' | 'text'>): Refused {
  return answer.status === 401 ? unauthorized(connection) : refused(connection.url, answer)
}

/** Failures of a connection that stood, after which nobody knows what became of the request. */
const whenSent = new Set([
  ...['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET'],
  ...['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'],
])

/** No answer came, or not all of it. */
class Unanswered extends Error {
  /** The request may have arrived. */
  readonly sent: boolean
  /** It was waited for as long as makes sense. */
  readonly late: boolean

  constructor(error: unknown) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    const { code, name } = cause as { code?: unknown; name?: unknown }
    super(typeof code === 'string' ? code : messageOf(cause))
    this.late = name === 'TimeoutError'
    this.sent = this.late || (typeof code === 'string' && (whenSent.has(code) || code.startsWith('HPE_')))
  }
}

export function unreachable(url: URL, error: Error): Refused {
  const { message } = error instanceof Unanswered ? error : new Unanswered(error)
  return new Refused(
    `nothing answers at ${url.origin} (${message}).`,
    'Start weir with `weir up`, or name its address by --url or WEIR_URL.',
  )
}

function unauthorized({ url, token, tokenPlaces }: Connection): Refused {
  const what = token === undefined ? 'needs a token and none was found' : 'refuses the token'
  return new Refused(
    `${url.origin} ${what} (looked in ${tokenPlaces}).`,
    'Set WEIR_ADMIN_TOKEN, or name the folder of the weir that runs there by --data-dir or WEIR_DATA_DIR.',
  )
}

function refused(url: URL, { status, text }: Pick<Answer, 'status' | 'text'>): Refused {
  const problem = problemOf(text)
  if (problem !== undefined) return new ApiRefused(problem)
  return new Refused(`${url.origin} answered ${status} without a reason: is it weir?`)
}

/** Another server may answer anything. */
function problemOf(text: string): ProblemDocument | undefined {
  try {
    const problem = JSON.parse(text) as Partial<ProblemDocument> | null
    if (typeof problem?.detail !== 'string' || typeof problem.status !== 'number') return undefined
    return { ...(problem as ProblemDocument), errors: (problem.errors ?? []) as Problem[] }
  } catch {
    return undefined
  }
}
