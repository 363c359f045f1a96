import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { suggest } from '../model/suggest.ts'
import { clipped, refusal } from './refusal.ts'

interface Served {
  methods: Set<string>
  expression: RegExp
}

/**
 * Tells a wrong method (405 with `Allow`) from a wrong URL (404). To be called before the routes are added, so that
 * it sees them all.
 */
export function notFound(app: FastifyInstance): void {
  const served = new Map<string, Served>()
  app.addHook('onRoute', ({ method, url }) => {
    const expression = new RegExp(
      `^${url
        .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
        .replace(/:[^/]+/g, '[^/]+')
        .replace('*', '.*')}$`,
    )
    const entry = served.get(url) ?? { methods: new Set<string>(), expression }
    for (const one of [method].flat()) entry.methods.add(one)
    served.set(url, entry)
  })

  // Fastify refuses a QUERY without one (RFC 10008) before it asks whether the method is served at all.
  app.addHook('onRequest', async (request) => {
    if (request.is404) request.raw.headers['content-type'] ??= 'application/json'
  })

  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0]!
    const methods = [...served.values()]
      .filter(({ expression }) => expression.test(path))
      .flatMap((one) => [...one.methods])
    if (methods.length > 0 && !methods.includes(request.method)) {
      const allow = [...new Set(methods)].sort().join(', ')
      reply.header('allow', allow)
      throw refusal(
        'method_not_allowed',
        `${request.method} is not served at ${clipped(path)}.`,
        `use one of: ${allow}`,
      )
    }
    throw refusal('not_found', `Nothing is served at ${clipped(path)}.`, remedyFor(path, [...served.keys()]))
  })
}

function remedyFor(path: string, urls: readonly string[]): string {
  const [, version = '', collection = '', ...rest] = path.split('/')
  const collections = [
    ...new Set(urls.flatMap((url) => (url.startsWith('/v1/') ? [url.split('/')[2]!] : []))),
  ]
  if (version === 'v1' && collections.includes(collection) && rest.length > 1) return 'a name holds no "/"'
  const meant = version === 'v1' ? suggest(collection, collections) : undefined
  return meant === undefined ? '/docs lists all URLs' : `did you mean /v1/${meant}? (/docs lists all URLs)`
}
