import { messageOf, type Problem } from '../errors.ts'
import { type Cli, Refused } from './cli.ts'
import type { Connection } from './connection.ts'
import { problemLine } from './documents.ts'
import { printable } from './output.ts'

/** How long an answer may take beyond the time that the API was asked to wait. */
const answerMs = 60_000

export interface Request {
  method: string
  /** Path and query, from `/v1` on. */
  path: string
  headers?: Record<string, string>
  body?: string
  waitMs?: number
}

export interface Answer {
  status: number
  text: string
  headers: Headers
}

/** The API refused; `problems` are as it told them. */
export class ApiRefused extends Refused {
  readonly status: number
  readonly problems: readonly Problem[]

  constructor(status: number, detail: string, problems: readonly Problem[]) {
    const lines = problems.map((problem) => problemLine(problem, []))
    super(...(lines.length > 0 ? lines : [detail]).map(printable))
    this.status = status
    this.problems = problems
  }
}

export type Client = (request: Request) => Promise<Answer>

/** Speaks to the admin API; whatever is no success is thrown as `Refused`, with the remedy. */
export function createClient(connection: Connection, cli: Cli): Client {
  const { url, token } = connection
  return async ({ method, path, headers: given = {}, body, waitMs = 0 }) => {
    const signal = AbortSignal.any([cli.signal, AbortSignal.timeout(waitMs + answerMs)])
    const authorization: Record<string, string> =
      token === undefined ? {} : { authorization: `Bearer ${token}` }
    let answer: Answer
    try {
      const target = new URL(path, url)
      const init = { method, headers: { ...authorization, ...given }, signal, redirect: 'error' as const }
      const response = await fetch(target, body === undefined ? init : { ...init, body })
      const { status, headers } = response
      answer = { status, headers, text: await response.text() }
    } catch (error) {
      cli.signal.throwIfAborted()
      throw unreachable(url, error)
    }
    if (answer.status < 400) return answer
    throw answer.status === 401 ? unauthorized(connection) : refused(url, answer)
  }
}

function unreachable(url: URL, error: unknown): Refused {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const reason = (cause as { code?: string }).code ?? messageOf(cause)
  return new Refused(
    `nothing answers at ${url.origin} (${reason}).`,
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

function refused(url: URL, { status, text }: Answer): ApiRefused {
  try {
    const problem = JSON.parse(text) as { detail?: string; title?: string; errors?: Problem[] }
    return new ApiRefused(status, problem.detail ?? problem.title ?? `status ${status}`, problem.errors ?? [])
  } catch {
    return new ApiRefused(status, `${url.origin} answered ${status} without a reason: is it weir?`, [])
  }
}
