import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { createAccess, isOpen } from './access.ts'
import { createConcerned } from './concerned.ts'
import type { AdminContext, AdminOptions, DeciderOptions, HealthOptions } from './context.ts'
import { type BoundedServer, createBoundedServer } from './http-server.ts'
import { notFound } from './not-found.ts'
import { sendProblem } from './problem-response.ts'
import { Query, queryReader } from './query.ts'
import { readBody } from './read-body.ts'
import { refusal } from './refusal.ts'
import { applyRoutes } from './routes/apply.ts'
import { breakerRoutes } from './routes/breakers.ts'
import { deliveryRoute } from './routes/delivery.ts'
import { docsRoutes } from './routes/docs.ts'
import { eventRoutes } from './routes/events.ts'
import { explainRoute } from './routes/explain.ts'
import { exportRoutes } from './routes/export.ts'
import { fleetRoutes } from './routes/fleet.ts'
import { fleetConfigRoute } from './routes/fleet-config.ts'
import { fleetDriftRoute } from './routes/fleet-drift.ts'
import { healthRoutes } from './routes/health.ts'
import { busyKeysRoute, limitKeyRoutes, missing } from './routes/limit-keys.ts'
import { objectWriteRoutes } from './routes/object-writes.ts'
import { objectRoutes } from './routes/objects.ts'
import { restoreRoute } from './routes/restore.ts'
import { revisionRoutes } from './routes/revisions.ts'
import { rolloutRoutes } from './routes/rollouts.ts'
import { schemaRoutes } from './routes/schema.ts'
import { secretRoutes } from './routes/secrets.ts'
import { xdsTokenRoutes } from './routes/xds-tokens.ts'
import { securityHeaders } from './security-headers.ts'
import { createTextParser } from './text-parser.ts'
import { refuseUnknownPromises } from './understood-headers.ts'

export interface Admin {
  /** Starts to serve at `host:port` (`[::1]:8080` for IPv6; port 0 lets the kernel choose). */
  listen(address: string): Promise<{ address: string; port: number }>
  /**
   * Stops taking requests at once and lets those under way finish for at most `graceMs` milliseconds; a waiting
   * `?wait=acked` is answered with how far the write got.
   */
  close(graceMs: number): Promise<void>
}

const defaultTimeouts = { headersMs: 15_000, requestMs: 60_000 }

/** The admin API: HTTP on one side, model and store on the other. */
export function createAdmin(options: AdminOptions): Admin {
  const closing = new AbortController()
  const parser = createTextParser()
  const context = { ...options, parser, concerned: createConcerned(), closing: closing.signal }
  const { app, bounded } = createApp(context, async (scope) => {
    await docsRoutes(scope, context)
    for (const add of apiRoutes) add(scope, context)
  })
  return serverOf(app, bounded, closing, () => parser.close())
}

/** What is left of the admin API where another process has it: `/healthz`, `/readyz`, `/metrics`, and the busiest counters. */
export function createHealthServer(options: DeciderOptions): Admin {
  const closing = new AbortController()
  const { app, bounded } = createApp({ ...options, closing: closing.signal }, async (scope) => {
    healthRoutes(scope, options)
    busyKeysRoute(
      scope,
      async (policy, top) => (await options.limits.busyKeys(policy, top)) ?? missing(policy),
    )
  })
  return serverOf(app, bounded, closing, async () => undefined)
}

const apiRoutes = [
  ...[applyRoutes, exportRoutes, objectRoutes, objectWriteRoutes, revisionRoutes, restoreRoute],
  ...[deliveryRoute, eventRoutes],
  ...[
    limitKeyRoutes,
    explainRoute,
    schemaRoutes,
    secretRoutes,
    fleetRoutes,
    fleetConfigRoute,
    fleetDriftRoute,
  ],
  healthRoutes,
  rolloutRoutes,
  breakerRoutes,
  xdsTokenRoutes,
]

function serverOf(
  app: FastifyInstance,
  bounded: BoundedServer,
  closing: AbortController,
  closed: () => Promise<void>,
): Admin {
  return {
    async listen(address) {
      const { host, port } = splitAddress(address)
      await app.listen({ host, port })
      const bound = app.server.address() as AddressInfo
      return { address: bound.address, port: bound.port }
    },
    async close(graceMs) {
      closing.abort()
      bounded.drain()
      const timer = setTimeout(bounded.destroyAll, graceMs)
      try {
        await app.close()
        await closed()
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** The API's OpenAPI 3.1 document, for its reference pages: of an API that serves nothing else. */
export async function openApiOf(kinds: AdminOptions['kinds'], version: string): Promise<object> {
  const readiness = () => ({ ready: true, stopping: false, detail: {} })
  const options = { kinds, version, token: randomUUID(), observe: () => undefined, readiness }
  const admin = createAdmin(options as unknown as AdminOptions)
  try {
    const { port } = await admin.listen('127.0.0.1:0')
    const answer = await fetch(`http://127.0.0.1:${port}/docs/json`)
    return (await answer.json()) as object
  } finally {
    await admin.close(0)
  }
}

function createApp(
  context: HealthOptions & Pick<AdminContext, 'closing'>,
  addRoutes: (scope: FastifyInstance) => Promise<void>,
): { app: FastifyInstance; bounded: BoundedServer } {
  const { observe } = context
  let bounded: BoundedServer | undefined
  const app = Fastify({
    logger: false,
    genReqId: () => randomUUID(),
    // Longer names are refused with a reason; the headers' bound is the end of it.
    routerOptions: { maxParamLength: 32 * 1024 },
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply, observe),
    serverFactory: (handler) => {
      bounded = createBoundedServer(handler, { observe, ...(context.timeouts ?? defaultTimeouts) })
      return bounded.server
    },
  })
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, observe))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    readBody(payload, request.headers),
  )
  guards(app, context)
  app.addHook('onSend', async (_request, reply) => {
    // A connection that its client keeps would end under its next request.
    if (context.closing.aborted || context.readiness().stopping) reply.header('connection', 'close')
  })
  refuseUnknownPromises(app)
  notFound(app)
  app.addHook('onRoute', (route) => {
    const schema = route.schema ?? {}
    if (schema.querystring === undefined && !route.url.startsWith('/docs'))
      route.schema = { ...schema, querystring: Query({}) }
  })
  app.register(async (scope) => {
    // Query parameters are checked by their schema; bodies are read by the model, names in URLs are looked up.
    scope.setValidatorCompiler<TSchema>(({ schema, httpPart }) =>
      httpPart === 'querystring' ? queryReader(schema) : () => true,
    )
    // Schemas of answers are documentation: nothing may be lost from an answer because of one.
    scope.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
    await addRoutes(scope)
  })
  return { app, bounded: bounded! }
}

/** What every request meets before its route. */
function guards(app: FastifyInstance, { token, observe }: Pick<AdminOptions, 'token' | 'observe'>): void {
  const checkAccess = createAccess(token)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders).header('weir-request-id', request.id)
    const hosts = request.raw.headersDistinct.host?.length ?? 0
    if (hosts > 1 || (hosts === 0 && request.raw.httpVersion === '1.1')) {
      throw refusal('malformed', `There are ${hosts} Host headers.`, 'send one (RFC 9112, section 3.2)')
    }
    // No name, label or owner holds it, and PostgreSQL takes it for an error of ours.
    if (request.url.includes('%00')) {
      throw refusal('malformed', 'The URL holds a NUL (%00).', 'remove it')
    }
    if (!isOpen(request.routeOptions.url, request.url)) checkAccess(request.headers.authorization)
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched'
    const milliseconds = Math.round(reply.elapsedTime * 1_000) / 1_000
    observe({ event: 'request', method: request.method, route, status: reply.statusCode, milliseconds })
  })
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  // Fastify would open one server per address of this name; weir listens on one.
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(address.slice(colon + 1)) }
}
