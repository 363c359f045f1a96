import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { WeirError } from '../../errors.ts'
import { type Document, inOrder } from '../../model/document.ts'
import type { Kind } from '../../model/kind.ts'
import { mergePatch } from '../../model/merge-patch.ts'
import { readDocument } from '../../model/read-document.ts'
import { find } from '../../model/state.ts'
import type { AdminContext } from '../context.ts'
import { jsonPatchTypes } from '../media-type.ts'
import { missingObject, named, objectParams } from '../object-url.ts'
import { objectHeaders, preconditionOf } from '../preconditions.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { valuesOf } from '../read-documents.ts'
import { refusal } from '../refusal.ts'
import { write, writeHeaders, writeParameters } from '../write.ts'

const written = { '200': { $ref: 'WriteAnswer#' }, '202': { $ref: 'WriteAnswer#' }, ...problemResponses }

function described(kind: Kind, summary: string) {
  const headers = Type.Object({ ...writeHeaders, ...objectHeaders })
  const querystring = Query(writeParameters)
  return { summary, tags: [kind.kind], params: objectParams, headers, querystring, response: written }
}

/** Replace, change and delete one object: the same routes for every kind. */
export function objectWriteRoutes(app: FastifyInstance, context: AdminContext): void {
  for (const kind of context.kinds) {
    putRoute(app, context, kind)
    patchRoute(app, context, kind)
    deleteRoute(app, context, kind)
  }
}

function putRoute(app: FastifyInstance, context: AdminContext, kind: Kind): void {
  const whole = { schema: { $ref: `${kind.kind}#` } }
  const schema = {
    ...described(kind, `Create or replace one of the ${kind.plural}`),
    description: 'The body is the whole document; `kind` and `name` may be left out.',
    body: { content: { 'application/yaml': whole, 'application/json': whole } },
  }
  app.put(`/v1/${kind.plural}/:name`, { schema }, async (request, reply) => {
    const { name } = request.params as { name: string }
    return write(context, request, reply, {
      async prepare() {
        const object = await soleDocument(context, request, kind, name)
        const precondition = preconditionOf(request.headers)
        return (state) => {
          precondition(find(state, kind.kind, name))
          return [{ op: 'put', object, document: 0 }]
        }
      },
      tagged: { kind: kind.kind, name },
      places: 'none',
    })
  })
}

async function soleDocument(
  context: AdminContext,
  request: FastifyRequest,
  kind: Kind,
  name: string,
): Promise<Document> {
  const values = await valuesOf(request, context.parser)
  if (values.length === 1) return documentOf(context, named(kind, name, values[0]))
  throw refusal(
    'invalid',
    `There are ${values.length} documents in the body.`,
    'send one, or use POST /v1/apply',
  )
}

function patchRoute(app: FastifyInstance, context: AdminContext, kind: Kind): void {
  const patch = {
    schema: {
      type: 'object',
      description: 'Fields to set; null takes a field away; a list is replaced as a whole.',
      examples: [{ labels: { tier: 'gold' }, owner: null }],
    },
  }
  const schema = {
    ...described(kind, `Change fields of one of the ${kind.plural}`),
    description:
      'A JSON Merge Patch (RFC 7396) into the whole document `{kind, name, labels, owner, spec}`, made to the form ' +
      'that the write meets: two writers who change different fields both succeed. `kind` and `name` cannot change.',
    body: { content: { 'application/merge-patch+json': patch, 'application/json': patch } },
  }
  app.patch(`/v1/${kind.plural}/:name`, { schema }, async (request, reply) => {
    const { name } = request.params as { name: string }
    return write(context, request, reply, {
      async prepare() {
        const [change] = await valuesOf(request, context.parser, jsonPatchTypes)
        const precondition = preconditionOf(request.headers)
        return (state) => {
          const stored = find(state, kind.kind, name)
          precondition(stored)
          if (stored === undefined) throw missingObject(kind, name)
          const merged = keepsIdentity(kind, name, mergePatch(inOrder(stored.document), change))
          return [{ op: 'put', object: documentOf(context, merged), document: 0 }]
        }
      },
      tagged: { kind: kind.kind, name },
      places: 'none',
    })
  })
}

function deleteRoute(app: FastifyInstance, context: AdminContext, kind: Kind): void {
  const schema = described(kind, `Delete one of the ${kind.plural}`)
  app.delete(`/v1/${kind.plural}/:name`, { schema }, async (request: FastifyRequest, reply) => {
    const { name } = request.params as { name: string }
    return write(context, request, reply, {
      async prepare() {
        const precondition = preconditionOf(request.headers)
        return (state) => {
          const object = find(state, kind.kind, name)
          precondition(object)
          if (object === undefined) throw missingObject(kind, name)
          return [{ op: 'delete', kind: kind.kind, name, document: 0 }]
        }
      },
      places: 'none',
    })
  })
}

function documentOf({ kinds }: AdminContext, value: unknown): Document {
  const { document, problems } = readDocument(kinds, value)
  if (document !== undefined) return document
  throw new WeirError('invalid', 'The document was refused; nothing was written.', { problems })
}

/** A patch may name kind and name as they are, and may not take them away. */
function keepsIdentity(kind: Kind, name: string, merged: unknown): unknown {
  if (typeof merged !== 'object' || merged === null || Array.isArray(merged)) return merged
  const missing = ['kind', 'name'].filter((field) => !Object.hasOwn(merged, field))
  if (missing.length === 0) return named(kind, name, merged)
  const problems = missing.map((field) => ({
    pointer: `/${field}`,
    message: `"${field}" cannot be taken away`,
    remedy: `leave ${field} out`,
  }))
  throw new WeirError('invalid', 'The document contradicts its URL.', { problems })
}
