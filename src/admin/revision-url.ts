import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { AdminContext } from './context.ts'
import { clipped, refusal } from './refusal.ts'

/** Path parameters of one revision. */
export const revisionParams = Type.Object({
  revision: Type.String({ description: 'Number of the revision.', pattern: '^[1-9][0-9]{0,14}$' }),
})

export function isRevision(text: string): boolean {
  return /^[1-9][0-9]{0,14}$/.test(text)
}

/** The revision in the URL; throws `not_found` where it was never written. */
export async function knownRevision({ store }: AdminContext, request: FastifyRequest): Promise<number> {
  const { revision } = request.params as { revision: string }
  if (isRevision(revision)) return store.revisionAt({ revision: Number(revision) })
  throw refusal(
    'not_found',
    `There is no revision ${clipped(revision)}.`,
    'GET /v1/revisions lists those that exist',
  )
}
