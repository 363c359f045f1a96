import { type ErrorCode, WeirError } from '../errors.ts'

/** A refusal of the request as a whole, with the one thing to do about it. */
export function refusal(code: ErrorCode, message: string, remedy: string, cause?: unknown): WeirError {
  return new WeirError(code, message, { problems: [{ pointer: '', message, remedy }], cause })
}

/** The first letters of something that a client sent, for a message. */
export function clipped(text: string, length = 80): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`
}
