import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { AdminContext } from '../context.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'

const Rotation = Type.Object(
  {
    from: Type.String({ description: 'Id of the key before.' }),
    to: Type.String({ description: 'Id of the key that is in force now.' }),
    secrets: Type.Integer({ description: 'How many encrypted secrets were put under it.' }),
  },
  { title: 'Rotation', description: 'What a rotation did. An id tells nothing of its key.' },
)

export type Rotation = Static<typeof Rotation>

/** `POST /v1/secrets/rotate`: the server knows both keys, so that no key ever travels. */
export function secretRoutes(app: FastifyInstance, { store }: AdminContext): void {
  const schema = {
    summary: 'Put all secrets under another key',
    description:
      'Under the key of WEIR_SECRET_KEY; where the key is in the data dir, under a new one. All or none, without a revision.',
    tags: ['secrets'],
    querystring: Query({}),
    response: { '200': Rotation, ...problemResponses },
  }
  app.post('/v1/secrets/rotate', { schema }, () => store.rotateSecrets())
}
