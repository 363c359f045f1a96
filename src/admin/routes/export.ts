import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { stringify } from 'yaml'
import type { Document } from '../../model/document.ts'
import { effective } from '../../model/effective.ts'
import type { Kind } from '../../model/kind.ts'
import { all, compareNames, type State } from '../../model/state.ts'
import { atParameter, stateAt } from '../at.ts'
import { isNotModified, notModifiedResponse, readHeaders } from '../conditional-read.ts'
import type { AdminContext } from '../context.ts'
import { shownDocument } from '../field-order.ts'
import { stateTag } from '../preconditions.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'

/** `GET /v1/export`: everything as YAML in a stable order, which applied again changes nothing. */
export function exportRoutes(app: FastifyInstance, context: AdminContext): void {
  const { kinds } = context
  const kindNames = kinds.map(({ kind }) => kind)
  const schema = {
    summary: 'All objects as YAML documents',
    description:
      'Its ETag is the revision of the whole state, whatever is selected of it: what `If-Match` of `POST /v1/apply` ' +
      'and of a restore takes.',
    tags: ['reads'],
    headers: readHeaders,
    querystring: Query({
      kind: Type.Optional(Type.Enum(kindNames, { description: 'Only objects of this kind.' })),
      effective: Type.Optional(
        Type.Boolean({
          description:
            'Fill in the defaults of all fields that are not written, and show what is in force without a document as one. ' +
            'Applied again, they count as written.',
          default: false,
        }),
      ),
      ...atParameter,
    }),
    response: {
      '200': {
        description: 'YAML documents, none where there is no object.',
        content: { 'application/yaml': { schema: {} } },
      },
      ...notModifiedResponse,
      ...problemResponses,
    },
  }
  app.get('/v1/export', { schema }, async (request, reply) => {
    const query = request.query as { kind?: string; effective?: boolean; at?: string }
    const { kind: only, at, effective: withDefaults = false } = query
    const wanted = kinds.filter(({ kind }) => only === undefined || kind === only)
    // What is built in is there for what others name.
    const isWhole =
      only === undefined || (withDefaults && wanted.some(({ builtIn }) => builtIn !== undefined))
    const { state } = await stateAt(context, at, isWhole ? {} : { kind: only })
    reply.header('weir-revision', String(state.revision))
    if (isNotModified(request, reply, stateTag(state.revision))) return reply.send()
    return reply
      .type('application/yaml; charset=utf-8')
      .send(Readable.from(exported(wanted, state, withDefaults), { objectMode: false }))
  })
}

/** How many documents are written out before other work gets its turn. */
const batch = 100

async function* exported(
  kinds: readonly Kind[],
  state: State,
  withDefaults: boolean,
): AsyncGenerator<string> {
  let count = 0
  for (const kind of kinds) {
    for (const document of documentsOf(kind, state, withDefaults)) {
      if (count > 0 && count % batch === 0) await new Promise(setImmediate)
      const shown = shownDocument(kind, withDefaults ? filled(kind, document) : document)
      yield `${count > 0 ? '---\n' : ''}${yamlOf(shown)}`
      count++
    }
  }
}

/** By name, those that nobody wrote among them: applied again, what is shown is the same. */
function documentsOf(kind: Kind, state: State, withDefaults: boolean): Document[] {
  const written = all(state, kind.kind).map(({ document }) => document)
  const builtIn = withDefaults ? (kind.builtIn?.(state) ?? []) : []
  if (builtIn.length === 0) return written
  return [...builtIn, ...written].sort((a, b) => compareNames(a.name, b.name))
}

function filled(kind: Kind, document: Document): Document {
  return { ...document, spec: effective<Document['spec']>(kind.spec, document.spec) }
}

/** Quotes what a reader of YAML 1.1 would take for something else (`no`, `1:30`), too. */
function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false })
}
