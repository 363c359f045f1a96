import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { RevisionPage } from '../../store/history.ts'
import type { AdminContext } from '../context.ts'
import { type ObjectDiff, shownDifferences } from '../difference.ts'
import { decodeCursor, defaultLimit, encodeCursor, type PageQuery, pageParameters } from '../page.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { refusal } from '../refusal.ts'
import { isRevision, knownRevision, revisionParams } from '../revision-url.ts'

const Revision = Type.Object(
  {
    revision: Type.Integer(),
    author: Type.String(),
    message: Type.String(),
    at: Type.String({ format: 'date-time' }),
    compacted: Type.Boolean({
      description: 'Whether its state is gone: it cannot be read, compared or restored any more.',
    }),
    rollouts: Type.Optional(
      Type.Array(
        Type.Object({
          gateway: Type.String(),
          state: Type.Enum(['done', 'reverted', 'superseded'], {
            description:
              'All Envoys have it; it was taken back; another revision came before it was through.',
          }),
          reason: Type.String(),
          at: Type.String({ format: 'date-time' }),
        }),
        { description: 'What became of it at each gateway to which it went in waves, once that is over.' },
      ),
    ),
  },
  { title: 'Revision', description: 'One write.' },
)

const objectParameter = {
  object: Type.Optional(
    Type.String({
      description:
        'Only revisions that created, changed or deleted this object, `Kind/name`, as far as the history is kept; ' +
        'it need not be there now.',
      pattern: '^[A-Za-z]+/.+$',
      maxLength: 300,
      examples: ['Route/shop'],
    }),
  ),
}

function idOf(object: string): { kind: string; name: string } {
  const slash = object.indexOf('/')
  return { kind: object.slice(0, slash), name: object.slice(slash + 1) }
}

/** `GET /v1/revisions`, one of them, and what it changed. */
export function revisionRoutes(app: FastifyInstance, context: AdminContext): void {
  listRoute(app, context)
  readRoute(app, context)
  diffRoute(app, context)
}

function listRoute(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'The history, newest first',
    description:
      'Who wrote when and why, as stored. A revision whose state was compacted away is still listed while an object ' +
      'that it wrote is kept.',
    tags: ['history'],
    querystring: Query({ ...pageParameters, ...objectParameter }),
    response: {
      '200': Type.Object({
        items: Type.Array(Revision),
        next: Type.Union([Type.String(), Type.Null()]),
        oldest: Type.Integer({ description: 'The oldest revision whose state can still be read.' }),
      }),
      ...problemResponses,
    },
  }
  app.get('/v1/revisions', { schema }, async (request) => {
    const { limit = defaultLimit, cursor, object } = request.query as PageQuery & { object?: string }
    const after = decodeCursor(cursor, isRevision)
    const page = await context.store.revisions({
      limit,
      ...(after === undefined ? {} : { before: Number(after) }),
      ...(object === undefined ? {} : { object: idOf(object) }),
    })
    return {
      items: await shown(context, page),
      next: page.next === undefined ? null : encodeCursor(String(page.next)),
      oldest: page.oldest,
    }
  })
}

function readRoute(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'One revision',
    tags: ['history'],
    params: revisionParams,
    querystring: Query({}),
    response: { '200': Revision, ...problemResponses },
  }
  app.get('/v1/revisions/:revision', { schema }, async (request) => {
    const id = await knownRevision(context, request)
    const [revision] = await shown(context, await context.store.revision(id))
    if (revision !== undefined) return revision
    throw refusal('gone', `Revision ${id} was compacted away.`, 'GET /v1/revisions lists those that are kept')
  })
}

function diffRoute(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'What a revision changed',
    description:
      'Every object that differs, with the places that do. 410 where one of the two states was compacted away.',
    tags: ['history'],
    params: revisionParams,
    querystring: Query({
      from: Type.Optional(
        Type.Integer({
          description:
            'Compare with the state of this revision (0: the empty one) instead of the one just before.',
          minimum: 0,
        }),
      ),
    }),
    response: {
      '200': Type.Object({
        from: Type.Integer(),
        to: Type.Integer(),
        items: Type.Array(Type.Unsafe<ObjectDiff>({ $ref: 'ObjectDiff#' })),
      }),
      ...problemResponses,
    },
  }
  app.get('/v1/revisions/:revision/diff', { schema }, async (request) => {
    const { store, kinds } = context
    const to = await knownRevision(context, request)
    const { from = to - 1 } = request.query as { from?: number }
    if (from > 0) await store.revisionAt({ revision: from })
    return { from, to, items: shownDifferences(kinds, await store.differences(from, to)) }
  })
}

async function shown(
  { store }: AdminContext,
  { items, oldest }: RevisionPage,
): Promise<Static<typeof Revision>[]> {
  const outcomes = await store.rolloutOutcomes(items.map(({ id }) => id))
  return items.map(({ id, author, message, at }) => {
    const own = outcomes.filter(({ revision }) => revision === id)
    const rollouts = own.map(({ gateway, state, reason, at: ended }) => {
      return { gateway, state, reason, at: ended.toISOString() }
    })
    return {
      ...{ revision: id, author, message, at: at.toISOString(), compacted: id < oldest },
      ...(rollouts.length > 0 && { rollouts }),
    }
  })
}
