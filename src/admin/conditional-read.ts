import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { holdsWeakly, tagsOf } from './preconditions.ts'

/** Header of a read that has an ETag. */
export const readHeaders = Type.Object({
  'if-none-match': Type.Optional(
    Type.String({
      description: 'The ETag of what is there already: 304, without a body, while it is the same.',
    }),
  ),
})

export const notModifiedResponse = {
  '304': { description: 'It still has the ETag of If-None-Match.', type: 'null' },
}

/** Puts the ETag on the answer, and answers 304 where the client has that already (RFC 9110, section 13.1.2). */
export function isNotModified(request: FastifyRequest, reply: FastifyReply, tag: string): boolean {
  reply.header('etag', tag)
  const seen = tagsOf('If-None-Match', request.headers['if-none-match'])
  if (seen === undefined || !holdsWeakly(seen, tag)) return false
  reply.code(304)
  return true
}
