/** A client of one kind, which opens its connections as requests come. */
export interface Sender {
  /** Answers with the status once the answer is complete; throws where there is none. */
  send(request: SentRequest): Promise<number>
  /** Closes what is left. */
  close(): void
}

export interface SentRequest {
  path: string
  /** `host` among them. */
  headers: Record<string, string>
}

/** What is not answered by then has failed. */
export const answerWithinMs = 10_000

/** How often one request is sent at most. */
export const maxAttempts = 10

/** Code or text of a failure. */
export function reasonOf(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException
  if (name === 'TimeoutError' || (error as { cause?: Error }).cause?.name === 'TimeoutError')
    return `no answer within ${answerWithinMs} ms`
  return code === undefined ? message : `${code}: ${message}`
}
