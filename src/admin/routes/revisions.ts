import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { RevisionRow } from '../../store/tables.ts'
import type { AdminContext } from '../context.ts'
import { decodeCursor, defaultLimit, encodeCursor, type PageQuery, pageParameters } from '../page.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { clipped, refusal } from '../refusal.ts'

const Revision = Type.Object(
  {
    revision: Type.Integer(),
    author: Type.String(),
    message: Type.String(),
    at: Type.String({ format: 'date-time' }),
  },
  { title: 'Revision', description: 'One write.' },
)

/** `GET /v1/revisions` and one of them: who wrote when and why. */
export function revisionRoutes(app: FastifyInstance, { store }: AdminContext): void {
  const list = {
    summary: 'The history, newest first',
    tags: ['history'],
    querystring: Query(pageParameters),
    response: {
      '200': Type.Object({ items: Type.Array(Revision), next: Type.Union([Type.String(), Type.Null()]) }),
      ...problemResponses,
    },
  }
  app.get('/v1/revisions', { schema: list }, async (request) => {
    const { limit = defaultLimit, cursor } = request.query as PageQuery
    const after = decodeCursor(cursor, isRevision)
    const page = await store.revisions({ limit, ...(after === undefined ? {} : { before: Number(after) }) })
    return {
      items: page.items.map(shown),
      next: page.next === undefined ? null : encodeCursor(String(page.next)),
    }
  })

  const one = {
    summary: 'One revision',
    tags: ['history'],
    params: Type.Object({ revision: Type.String({ description: 'Number of the revision.' }) }),
    querystring: Query({}),
    response: { '200': Revision, ...problemResponses },
  }
  app.get('/v1/revisions/:revision', { schema: one }, async (request) => {
    const { revision } = request.params as { revision: string }
    const row = isRevision(revision) ? await store.revision(Number(revision)) : undefined
    if (row === undefined) {
      throw refusal(
        'not_found',
        `There is no revision ${clipped(revision)}.`,
        'GET /v1/revisions lists those that exist',
      )
    }
    return shown(row)
  })
}

function shown({ id, author, message, at }: RevisionRow): Static<typeof Revision> {
  return { revision: id, author, message, at: at.toISOString() }
}

function isRevision(text: string): boolean {
  return /^[1-9][0-9]{0,14}$/.test(text)
}
