import type { FastifyInstance } from 'fastify'
import { WeirError } from '../../errors.ts'
import { type Edit, planWrite } from '../../model/plan-write.ts'
import type { AdminContext } from '../context.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { type ReadDocuments, readDocuments, valuesOf } from '../read-documents.ts'
import { sendWritten, waitParameters, write } from '../write.ts'

/** `POST /v1/apply`: any number of documents as one transaction. */
export function applyRoutes(app: FastifyInstance, context: AdminContext): void {
  const { kinds, parser } = context
  const schema = {
    summary: 'Create or change objects, all or none',
    description: 'YAML with any number of documents, or JSON with one or a list of them.',
    tags: ['writes'],
    querystring: Query(waitParameters),
    body: {
      content: {
        'application/yaml': { schema: { type: 'string', examples: [exampleText] } },
        'application/json': { schema: { anyOf: kinds.map(({ kind }) => ({ $ref: `${kind}#` })) } },
      },
    },
    response: { '200': { $ref: 'WriteAnswer#' }, '202': { $ref: 'WriteAnswer#' }, ...problemResponses },
  }
  app.post('/v1/apply', { schema }, async (request, reply) => {
    const read = await readDocuments(kinds, await valuesOf(request, parser))
    const edits = read.documents.flatMap((object, document): Edit[] =>
      object === undefined ? [] : [{ op: 'put', object, document }],
    )
    if (read.problems.length > 0) throw await refused(context, read, edits)
    return sendWritten(reply, await write(context, request, { edits, single: false }))
  })
}

const exampleText = 'kind: Cluster\nname: echo\nspec:\n  endpoints: [{ address: 127.0.0.1, port: 9001 }]\n'

/** Says also what is wrong among the documents that are well-formed, so that one answer names everything. */
async function refused({ store, kinds, checkContext }: AdminContext, read: ReadDocuments, edits: Edit[]) {
  const state = await store.current().catch(() => undefined)
  const plan = state === undefined ? undefined : planWrite(kinds, state, edits, checkContext, read.refused)
  const problems = [...read.problems, ...(plan?.problems ?? [])]
  problems.sort((a, b) => (a.document ?? 0) - (b.document ?? 0))
  return new WeirError('invalid', 'The documents were refused; nothing was written.', { problems })
}
