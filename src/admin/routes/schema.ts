import type { FastifyInstance } from 'fastify'
import { editorSchema } from '../../model/editor-schema.ts'
import type { AdminContext } from '../context.ts'
import { problemResponses } from '../problem-schema.ts'

/**
 * `GET /v1/schema`, with the token as everything under `/v1`, and the same at `/docs/schema.json` without, since an
 * editor sends no token and `/docs` tells all of it anyway.
 */
export function schemaRoutes(app: FastifyInstance, { kinds }: AdminContext): void {
  const text = JSON.stringify(editorSchema(kinds), null, 2)
  const schema = {
    summary: 'JSON Schema (2020-12) of documents, for editors',
    description:
      'Also at `/docs/schema.json`, without a token: begin a YAML file with ' +
      '`# yaml-language-server: $schema=http://127.0.0.1:8080/docs/schema.json`.',
    tags: ['docs'],
    response: {
      '200': {
        description: 'The schema.',
        content: { 'application/schema+json': { schema: { type: 'object' } } },
      },
      ...problemResponses,
    },
  }
  app.get('/v1/schema', { schema }, (_request, reply) =>
    reply.type('application/schema+json; charset=utf-8').send(text),
  )
  app.get('/docs/schema.json', { schema: { hide: true } }, (_request, reply) =>
    reply.type('application/schema+json; charset=utf-8').send(text),
  )
}
