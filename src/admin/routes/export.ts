import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { stringify } from 'yaml'
import type { Kind } from '../../model/kind.ts'
import { all, type State } from '../../model/state.ts'
import type { AdminContext } from '../context.ts'
import { shownDocument } from '../field-order.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'

/** `GET /v1/export`: everything as YAML in a stable order, which applied again changes nothing. */
export function exportRoutes(app: FastifyInstance, context: AdminContext): void {
  const { store, kinds } = context
  const kindNames = kinds.map(({ kind }) => kind)
  const schema = {
    summary: 'All objects as YAML documents',
    tags: ['reads'],
    querystring: Query({
      kind: Type.Optional(Type.Enum(kindNames, { description: 'Only objects of this kind.' })),
    }),
    response: {
      '200': {
        description: 'YAML documents.',
        content: { 'application/yaml': { schema: { type: 'string' } } },
      },
      ...problemResponses,
    },
  }
  app.get('/v1/export', { schema }, async (request, reply) => {
    const { kind: only } = request.query as { kind?: string }
    const state = await store.current()
    const wanted = kinds.filter(({ kind }) => only === undefined || kind === only)
    return reply
      .type('application/yaml; charset=utf-8')
      .header('weir-revision', String(state.revision))
      .send(Readable.from(exported(wanted, state), { objectMode: false }))
  })
}

/** How many documents are written out before other work gets its turn. */
const batch = 100

async function* exported(kinds: readonly Kind[], state: State): AsyncGenerator<string> {
  let count = 0
  for (const kind of kinds) {
    for (const { document } of all(state, kind.kind)) {
      if (count > 0 && count % batch === 0) await new Promise(setImmediate)
      yield `${count > 0 ? '---\n' : ''}${yamlOf(shownDocument(kind, document))}`
      count++
    }
  }
}

/** Quotes what a reader of YAML 1.1 would take for something else (`no`, `1:30`), too. */
function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false })
}
