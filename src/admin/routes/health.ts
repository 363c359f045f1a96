import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { catalogue, WeirError } from '../../errors.ts'
import type { HealthOptions } from '../context.ts'
import { problemResponse } from '../problem-response.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'

/** `/healthz`, `/readyz` and `/metrics`. */
export function healthRoutes(app: FastifyInstance, context: HealthOptions): void {
  const { readiness, metrics, version } = context
  const healthy = {
    summary: 'Whether the process runs',
    tags: ['health'],
    security: [],
    querystring: Query({}),
    response: {
      '200': Type.Object({ status: Type.Literal('ok'), version: Type.String() }),
      ...problemResponses,
    },
  }
  app.get('/healthz', { schema: healthy }, async () => ({ status: 'ok', version }))

  const ready = {
    summary: 'Whether this replica can serve its last good state',
    tags: ['health'],
    security: [],
    querystring: Query({}),
    response: { '200': Type.Object({ ready: Type.Boolean(), detail: Type.Unknown() }), ...problemResponses },
  }
  app.get('/readyz', { schema: ready }, async (_request, reply) => {
    const { ready, stopping, detail } = readiness()
    if (ready) return { ready, detail }
    const message = stopping ? 'This replica is stopping.' : 'This replica has no state to serve yet.'
    const remedy = stopping
      ? 'ask another replica'
      : 'wait until it has read the database; "readiness" says what is missing'
    const problems = [{ pointer: '', message, remedy }]
    const { headers, body } = problemResponse(
      new WeirError('unavailable', message, { problems, retryAfter: 1 }),
    )
    return reply
      .code(catalogue.unavailable.status)
      .headers(headers)
      .send(JSON.stringify({ ...body, title: 'Not ready', readiness: { ...detail, stopping } }))
  })

  const measured = {
    summary: 'Metrics for Prometheus',
    tags: ['health'],
    querystring: Query({}),
    response: {
      '200': {
        description: 'Prometheus text format.',
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
      ...problemResponses,
    },
  }
  app.get('/metrics', { schema: measured }, async (_request, reply) => {
    const { contentType, text } = await metrics()
    return reply.type(contentType).send(text)
  })
}
