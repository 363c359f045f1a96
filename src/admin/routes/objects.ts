import type { FastifyInstance } from 'fastify'
import type { Kind } from '../../model/kind.ts'
import { namePattern } from '../../model/name.ts'
import { all, compareNames, find } from '../../model/state.ts'
import { atParameter, stateAt } from '../at.ts'
import { isNotModified, notModifiedResponse, readHeaders } from '../conditional-read.ts'
import type { AdminContext } from '../context.ts'
import { shownDocument } from '../field-order.ts'
import { heldBackHeader, heldBackText } from '../held-row.ts'
import { missingObject, objectParams } from '../object-url.ts'
import { decodeCursor, defaultLimit, encodeCursor, type PageQuery, pageParameters } from '../page.ts'
import { etagOf } from '../preconditions.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { isSelected, type SelectionQuery, selectionOf, selectionParameters } from '../selection.ts'

interface AtQuery {
  at?: string
}

/** List and read: the same routes for every kind. */
export function objectRoutes(app: FastifyInstance, context: AdminContext): void {
  for (const kind of context.kinds) {
    listRoute(app, context, kind)
    readRoute(app, context, kind)
  }
}

function listRoute(app: FastifyInstance, context: AdminContext, kind: Kind): void {
  const items = { type: 'array', items: { $ref: `${kind.kind}#` } }
  const next = { type: ['string', 'null'], description: '`cursor` of the next page; null on the last.' }
  const schema = {
    summary: `List ${kind.plural}`,
    description:
      'By name. A page begins behind the last name of the page before, so that writes in between neither repeat nor ' +
      'hide an object that was there all the time. Pass the same filters, and the same `at`, with each page.',
    tags: [kind.kind],
    querystring: Query({ ...pageParameters, ...selectionParameters, ...atParameter }),
    response: {
      '200': { type: 'object', properties: { items, next }, required: ['items', 'next'] },
      ...problemResponses,
    },
  }
  app.get(`/v1/${kind.plural}`, { schema }, async (request, reply) => {
    const query = request.query as PageQuery & SelectionQuery & AtQuery
    const { limit = defaultLimit, cursor } = query
    const after = decodeCursor(cursor, isName)
    const selection = selectionOf(query)
    const part = {
      kind: kind.kind,
      ...selection,
      ...(after === undefined ? {} : { after }),
      limit: limit + 1,
    }
    const { state, unreadable } = await stateAt(context, query.at, part)
    const found = all(state, kind.kind)
      .map(({ document }) => document)
      .filter(({ name }) => after === undefined || compareNames(name, after) > 0)
      .filter((document) => isSelected(selection, document))
      .slice(0, limit + 1)
    // What cannot be read has its place in the order, too, so that a page of nothing else is not the last one.
    const names = [
      ...found.map(({ name }) => name),
      ...unreadable.map((id) => id.slice(kind.kind.length + 1)),
    ]
    const last = names.length > limit ? names.toSorted(compareNames)[limit - 1] : undefined
    const page = found.filter(({ name }) => last === undefined || compareNames(name, last) <= 0)
    return reply.header('weir-revision', String(state.revision)).send({
      items: page.map((document) => shownDocument(kind, document)),
      next: last === undefined ? null : encodeCursor(last),
    })
  })
}

function readRoute(app: FastifyInstance, context: AdminContext, kind: Kind): void {
  const schema = {
    summary: `Read one of the ${kind.plural}`,
    description:
      'With its ETag, the revision that gave it this form. Where Envoy refuses the present form, the header ' +
      '`weir-held-back` says so, as JSON: `revision`, `inForce`, `pointer`, `error` and `since`, as in `GET /v1/fleet`.',
    tags: [kind.kind],
    params: objectParams,
    headers: readHeaders,
    querystring: Query(atParameter),
    response: { '200': { $ref: `${kind.kind}#` }, ...notModifiedResponse, ...problemResponses },
  }
  app.get(`/v1/${kind.plural}/:name`, { schema }, async (request, reply) => {
    const { name } = request.params as { name: string }
    const { at } = request.query as AtQuery
    const { state } = await stateAt(context, at, { kind: kind.kind, name })
    const object = find(state, kind.kind, name)
    if (object === undefined) throw missingObject(kind, name)
    reply.header('weir-revision', String(state.revision))
    const held = context.heldBack().find((row) => row.kind === kind.kind && row.name === name)
    if (held?.revision === object.revision) reply.header(heldBackHeader, heldBackText(held))
    const notModified = isNotModified(request, reply, etagOf(object))
    return reply.send(notModified ? undefined : shownDocument(kind, object.document))
  })
}

const nameExpression = new RegExp(namePattern)
const isName = (text: string): boolean => nameExpression.test(text)
