import { createHmac } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Once } from '../store/idempotency.ts'
import type { AdminContext } from './context.ts'
import { refusal } from './refusal.ts'

const maxLength = 255
/** What makes a request another one besides its method, URL and body. */
const headers = ['content-type', 'if-match', 'if-none-match'] as const

/**
 * The `Idempotency-Key` of a write and the digest of its request. The digest is keyed by the admin token, so that a
 * secret in the body cannot be guessed from it; whoever may send the request again has that token, on every replica.
 */
export function onceOf({ token }: AdminContext, request: FastifyRequest): Once | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key) || key.length > maxLength) {
    throw refusal(
      'malformed',
      'The Idempotency-Key cannot be used.',
      `send 1 to ${maxLength} printable ASCII characters without spaces, a UUID for example`,
    )
  }
  const { method, url, body } = request
  const digest = createHmac('sha256', `weir idempotency ${token}`)
  const parts = [method, url, ...headers.map((name) => String(request.headers[name] ?? ''))]
  digest.update(`${JSON.stringify(parts)}\n`)
  if (body instanceof Buffer) digest.update(body)
  return { key, fingerprint: digest.digest() }
}
