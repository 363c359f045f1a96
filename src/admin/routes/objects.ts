import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { WeirError } from '../../errors.ts'
import type { Document } from '../../model/document.ts'
import type { Kind } from '../../model/kind.ts'
import { namePattern } from '../../model/name.ts'
import { readDocument } from '../../model/read-document.ts'
import { all, compareNames, find, type State } from '../../model/state.ts'
import type { AdminContext } from '../context.ts'
import { shownDocument } from '../field-order.ts'
import { decodeCursor, defaultLimit, encodeCursor, type PageQuery, pageParameters } from '../page.ts'
import { etagOf, preconditionOf } from '../preconditions.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { valuesOf } from '../read-documents.ts'
import { clipped, refusal } from '../refusal.ts'
import { sendWritten, waitParameters, write } from '../write.ts'

const params = Type.Object({ name: Type.String({ description: 'Name of the object.' }) })
const written = { '200': { $ref: 'WriteAnswer#' }, '202': { $ref: 'WriteAnswer#' }, ...problemResponses }
const ifMatch = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'Write only if the ETag is still this one.' })),
})

/** List, read, replace and delete: the same routes for every kind. */
export function objectRoutes(app: FastifyInstance, context: AdminContext): void {
  for (const kind of context.kinds) {
    listRoute(app, context, kind)
    readRoute(app, context, kind)
    putRoute(app, context, kind)
    deleteRoute(app, context, kind)
  }
}

function listRoute(app: FastifyInstance, { store }: AdminContext, kind: Kind): void {
  const items = { type: 'array', items: { $ref: `${kind.kind}#` } }
  const next = { type: ['string', 'null'], description: '`cursor` of the next page; null on the last.' }
  const schema = {
    summary: `List ${kind.plural}`,
    tags: [kind.kind],
    querystring: Query(pageParameters),
    response: {
      '200': { type: 'object', properties: { items, next }, required: ['items', 'next'] },
      ...problemResponses,
    },
  }
  app.get(`/v1/${kind.plural}`, { schema }, async (request, reply) => {
    const { limit = defaultLimit, cursor } = request.query as PageQuery
    const after = decodeCursor(cursor, isName)
    const state = await store.current()
    const rest = all(state, kind.kind).filter(
      ({ document }) => after === undefined || compareNames(document.name, after) > 0,
    )
    const page = rest.slice(0, limit).map(({ document }) => document)
    const last = page.at(-1)
    return reply.header('weir-revision', String(state.revision)).send({
      items: page.map((document) => shownDocument(kind, document)),
      next: last !== undefined && rest.length > limit ? encodeCursor(last.name) : null,
    })
  })
}

function readRoute(app: FastifyInstance, { store }: AdminContext, kind: Kind): void {
  const schema = {
    summary: `Read one of the ${kind.plural}`,
    tags: [kind.kind],
    params,
    querystring: Query({}),
    response: { '200': { $ref: `${kind.kind}#` }, ...problemResponses },
  }
  app.get(`/v1/${kind.plural}/:name`, { schema }, async (request, reply) => {
    const { name } = request.params as { name: string }
    const state = await store.current()
    const object = find(state, kind.kind, name)
    if (object === undefined) throw missing(kind, name)
    return reply
      .header('etag', etagOf(object))
      .header('weir-revision', String(state.revision))
      .send(shownDocument(kind, object.document))
  })
}

function putRoute(app: FastifyInstance, context: AdminContext, kind: Kind): void {
  const { kinds, parser } = context
  const whole = { schema: { $ref: `${kind.kind}#` } }
  const schema = {
    summary: `Create or replace one of the ${kind.plural}`,
    description: 'The body is the whole document; `kind` and `name` may be left out.',
    tags: [kind.kind],
    params,
    headers: ifMatch,
    querystring: Query(waitParameters),
    body: { content: { 'application/yaml': whole, 'application/json': whole } },
    response: written,
  }
  app.put(`/v1/${kind.plural}/:name`, { schema }, async (request, reply) => {
    const { name } = request.params as { name: string }
    const values = await valuesOf(request, parser)
    if (values.length > 1) {
      throw refusal(
        'invalid',
        `There are ${values.length} documents in the body.`,
        'send one, or use POST /v1/apply',
      )
    }
    const { document, problems } = readDocument(kinds, named(kind, name, values[0]))
    if (document === undefined)
      throw new WeirError('invalid', 'The document was refused; nothing was written.', { problems })
    const precondition = preconditionOf(request.headers)
    const outcome = await write(context, request, {
      edits: [{ op: 'put', object: document, document: 0 }],
      guard: (state) => precondition(find(state, kind.kind, name)),
      single: true,
    })
    const object = find(outcome.result.after, kind.kind, name)
    if (object !== undefined) reply.header('etag', etagOf(object))
    return sendWritten(reply, outcome)
  })
}

function deleteRoute(app: FastifyInstance, context: AdminContext, kind: Kind): void {
  const schema = {
    summary: `Delete one of the ${kind.plural}`,
    tags: [kind.kind],
    params,
    headers: ifMatch,
    querystring: Query(waitParameters),
    response: written,
  }
  app.delete(`/v1/${kind.plural}/:name`, { schema }, async (request, reply) => {
    const { name } = request.params as { name: string }
    const precondition = preconditionOf(request.headers)
    const outcome = await write(context, request, {
      edits: [{ op: 'delete', kind: kind.kind, name, document: 0 }],
      guard: (state: State) => {
        const object = find(state, kind.kind, name)
        precondition(object)
        if (object === undefined) throw missing(kind, name)
      },
      single: true,
    })
    return sendWritten(reply, outcome)
  })
}

/** The body with kind and name from the URL; throws where it says another. */
function named(kind: Kind, name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const given = value as Partial<Document>
  const problems = [
    { field: 'kind', stated: given.kind, meant: kind.kind },
    { field: 'name', stated: given.name, meant: name },
  ].flatMap(({ field, stated, meant }) => {
    if (stated === undefined || stated === meant) return []
    const message = `"${field}" is ${clipped(JSON.stringify(stated))}, but the URL says "${clipped(meant)}"`
    return [
      { pointer: `/${field}`, message, remedy: `leave ${field} out, or write to the URL of that object` },
    ]
  })
  if (problems.length > 0) throw new WeirError('invalid', 'The document contradicts its URL.', { problems })
  return { ...given, kind: kind.kind, name }
}

function missing(kind: Kind, name: string): WeirError {
  return refusal(
    'not_found',
    `There is no ${kind.kind}/${clipped(name)}.`,
    `GET /v1/${kind.plural} lists those that exist`,
  )
}

const nameExpression = new RegExp(namePattern)
const isName = (text: string): boolean => nameExpression.test(text)
