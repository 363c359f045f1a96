import type { FastifyInstance } from 'fastify'
import { refusal } from './refusal.ts'

/** Headers that promise what a write that does not know them would break, each with what to do instead. */
const promises: Record<string, string> = {
  'If-Match': 'leave it out: this is no write of what an ETag stands for',
  'If-None-Match':
    'send If-Match with the ETag that was read, where this URL understands it, or leave it out',
  'If-Modified-Since': 'send If-Match with the ETag that was read: it is exact where a time is not',
  'If-Unmodified-Since': 'send If-Match with the ETag that was read: it is exact where a time is not',
  'Idempotency-Key': 'leave it out: look whether the request was carried out before it is sent again',
}

const safe = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * Refuses such a header wherever the route's own schema does not name it, so that what OpenAPI tells of a route is
 * what it understands. To be called after the token was checked.
 */
export function refuseUnknownPromises(app: FastifyInstance): void {
  app.addHook('onRequest', async (request) => {
    if (request.is404 || safe.has(request.method)) return
    const { headers } = (request.routeOptions.schema ?? {}) as { headers?: { properties?: object } }
    const understood = headers?.properties ?? {}
    for (const [header, remedy] of Object.entries(promises)) {
      const name = header.toLowerCase()
      if (request.headers[name] === undefined || Object.hasOwn(understood, name)) continue
      throw refusal('malformed', `The header ${header} is not understood here; nothing was done.`, remedy)
    }
  })
}
