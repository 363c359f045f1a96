/**
 * The closed catalogue of everything weir refuses or fails with.
 *
 * Inner folders return expected refusals as values (`Problem[]`); a `WeirError` is thrown where a request
 * cannot go on. Only the edges translate a code: `admin/` to HTTP (RFC 9457), `cli/` to an exit code.
 */
export const catalogue = {
  usage: { status: 400, title: 'The command was written wrongly' },
  malformed: { status: 400, title: 'The request could not be read' },
  unauthorized: { status: 401, title: 'A valid bearer token is needed' },
  not_found: { status: 404, title: 'There is no such thing here' },
  method_not_allowed: { status: 405, title: 'This method is not served here' },
  not_acceptable: { status: 406, title: 'None of the accepted media types is served here' },
  timeout: { status: 408, title: 'The request took too long to arrive' },
  conflict: { status: 409, title: 'The change contradicts what is stored' },
  referenced: { status: 409, title: 'Other objects refer to this one' },
  confirmation_needed: { status: 409, title: 'The write takes so much away that it must be confirmed' },
  gone: { status: 410, title: 'This part of the history was compacted away' },
  precondition_failed: { status: 412, title: 'It was changed meanwhile' },
  too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'The media type is not understood' },
  invalid: { status: 422, title: 'The documents are not valid' },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  internal: { status: 500, title: 'weir failed' },
  key_missing: { status: 503, title: 'The key of the secrets is not here' },
  busy: { status: 503, title: 'As many as are served at a time are served already' },
  unavailable: { status: 503, title: 'The store cannot be reached' },
  startup: { status: 500, title: 'weir could not start' },
} as const

export type ErrorCode = keyof typeof catalogue

/** One thing that is wrong with one document: where (RFC 6901 pointer), what, and how to mend it. */
export interface Problem {
  /** Zero-based number of the document in the request; absent where the request is one document. */
  document?: number
  /** JSON pointer into the document, `""` for the whole of it. */
  pointer: string
  message: string
  remedy: string
}

export interface WeirErrorOptions {
  problems?: Problem[]
  /** Seconds after which trying again makes sense. */
  retryAfter?: number
  /** What the problem document says besides (RFC 9457, section 3.2, extension members). */
  members?: Readonly<Record<string, unknown>>
  /** Kept for the log, never shown to a client. */
  cause?: unknown
}

export class WeirError extends Error {
  readonly code: ErrorCode
  readonly problems: Problem[]
  readonly retryAfter: number | undefined
  readonly members: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, detail: string, options: WeirErrorOptions = {}) {
    super(detail, { cause: options.cause })
    this.name = 'WeirError'
    this.code = code
    this.problems = options.problems ?? []
    this.retryAfter = options.retryAfter
    this.members = options.members
  }
}

/** A refusal to start: one line that says what is wrong, and one that says what to do. */
export function startupError(what: string, remedy: string, cause?: unknown): WeirError {
  return new WeirError('startup', `${what} ${remedy}`, { cause })
}

/** A command line that is not understood: what, and what to write instead. */
export function usageError(what: string, remedy: string): WeirError {
  return new WeirError('usage', `${what} ${remedy}`)
}

/** One line for what a person can mend; a fault of ours keeps its stack. */
export function explanationOf(error: unknown): string {
  const expected = error instanceof WeirError && ['startup', 'usage'].includes(error.code)
  return expected || !(error instanceof Error) ? messageOf(error) : fieldsOf(error).stack
}

/** The message of anything that was thrown; of a query that failed what the database says. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [first = error] = chainOf(error)
  if (first instanceof AggregateError && first.message === '') return first.errors.map(messageOf).join('; ')
  return isQuery(first) ? 'a query failed' : first.message
}

/** An error as the log has it: nothing but this, since drivers hang whole commands and rows on theirs. */
export interface ErrorFields {
  type: string
  code?: string
  message: string
  /** With those of its causes. */
  stack: string
}

export function fieldsOf(error: Error): ErrorFields {
  const chain = chainOf(error)
  const [first = error] = chain
  const { code } = first as { code?: unknown }
  return {
    type: first.constructor.name,
    ...((typeof code === 'string' || typeof code === 'number') && { code: String(code) }),
    message: messageOf(first),
    stack: chain
      .map((each) => `${each.constructor.name}: ${messageOf(each)}${framesOf(each)}`)
      .join('\ncaused by: '),
  }
}

/**
 * The error and its causes. A query that failed gives way to what the database says of it: its own text is the SQL with all
 * parameters, which may be secret, and large.
 */
function chainOf(error: Error): Error[] {
  const chain: Error[] = []
  for (let each: unknown = error; each instanceof Error && chain.length < 8; each = each.cause)
    if (!(isQuery(each) && each.cause instanceof Error)) chain.push(each)
  return chain
}

/** As drizzle throws it. */
function isQuery(error: Error): boolean {
  return 'query' in error && 'params' in error
}

/** What follows the message in a stack. */
function framesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message)
  const rest = at < 0 ? '' : stack.slice(at + message.length)
  const line = rest.indexOf('\n')
  return line < 0 ? '' : rest.slice(line)
}
