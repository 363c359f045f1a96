import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { documentSchema } from '../../model/read-document.ts'
import type { AdminContext } from '../context.ts'
import { ObjectDiff } from '../difference.ts'
import { DryRunAnswer } from '../dry-run.ts'
import { ConfirmationSchema } from '../guard.ts'
import { Problem } from '../problem-schema.ts'
import { docsPolicy } from '../security-headers.ts'
import { WriteAnswer } from '../write.ts'

/** `/docs`, and `/docs/json`: OpenAPI 3.1 made from the schemas that the routes work by. Before all other routes. */
export async function docsRoutes(app: FastifyInstance, { kinds, version }: AdminContext): Promise<void> {
  for (const kind of kinds) {
    const { name, spec } = kind.example
    const examples = [{ kind: kind.kind, name, spec }]
    app.addSchema({ ...documentSchema(kind), $id: kind.kind, description: kind.description, examples })
  }
  for (const schema of [WriteAnswer, DryRunAnswer, ObjectDiff, ConfirmationSchema]) app.addSchema(schema)
  app.addSchema(Problem)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'weir',
        version,
        description: 'The admin API of weir, a control plane for a fleet of Envoy proxies.',
      },
      tags: kinds.map(({ kind, description }) => ({ name: kind, description })),
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) => String(schema.$id ?? `schema-${index}`),
    },
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // The badge of the default validator would tell the document's address to somebody else.
    uiConfig: { validatorUrl: null, docExpansion: 'list', persistAuthorization: false },
    theme: { title: 'weir: admin API' },
  })
  app.addHook('onSend', async (request, reply) => {
    if (request.routeOptions.url?.startsWith('/docs')) reply.header('content-security-policy', docsPolicy)
  })
}
