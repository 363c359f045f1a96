import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { WeirError } from '../../errors.ts'
import { idOf } from '../../model/document.ts'
import { type Edit, planWrite } from '../../model/plan-write.ts'
import type { State } from '../../model/state.ts'
import type { EditsOf, Wish } from '../commit.ts'
import type { AdminContext } from '../context.ts'
import { type DryRunQuery, dryRun, dryRunParameter } from '../dry-run.ts'
import { stateHeaders, statePreconditionOf } from '../preconditions.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { type ReadDocuments, readDocuments, valuesOf } from '../read-documents.ts'
import { write, writeHeaders, writeParameters } from '../write.ts'

const pruneParameter = {
  prune: Type.Optional(
    Type.Boolean({
      description:
        'Delete every object that is not in the request: of all kinds, whoever wrote it, whatever its owner and ' +
        'labels. The request is then the whole configuration. One without a document is refused, with or without ' +
        'prune, so that an empty file deletes nothing.',
      default: false,
    }),
  ),
}

/** Either answer of a write that may be a dry run. */
export const writtenOrRehearsed = {
  '200': {
    description: 'What was done, or with `dryRun` what would be.',
    content: {
      'application/json': { schema: { anyOf: [{ $ref: 'WriteAnswer#' }, { $ref: 'DryRunAnswer#' }] } },
    },
  },
  '202': { $ref: 'WriteAnswer#' },
  ...problemResponses,
}

/** `POST /v1/apply`: any number of documents as one transaction. */
export function applyRoutes(app: FastifyInstance, context: AdminContext): void {
  const { kinds } = context
  const schema = {
    summary: 'Create or change objects, all or none',
    description: 'YAML with any number of documents, or JSON with one or a list of them.',
    tags: ['writes'],
    headers: Type.Object({ ...writeHeaders, ...stateHeaders }),
    querystring: Query({ ...pruneParameter, ...dryRunParameter, ...writeParameters }),
    body: {
      content: {
        'application/yaml': { schema: { type: 'string', examples: [exampleText] } },
        'application/json': { schema: { anyOf: kinds.map(({ kind }) => ({ $ref: `${kind}#` })) } },
      },
    },
    response: writtenOrRehearsed,
  }
  app.post('/v1/apply', { schema }, async (request, reply) => {
    const query = request.query as DryRunQuery & { prune?: boolean }
    const wish: Wish = {
      prepare: () => editsOf(context, request, query.prune === true),
      places: 'documents',
      tagged: 'state',
    }
    return query.dryRun ? dryRun(context, request, reply, wish) : write(context, request, reply, wish)
  })
}

async function editsOf(context: AdminContext, request: FastifyRequest, prune: boolean): Promise<EditsOf> {
  const { kinds, parser } = context
  const precondition = statePreconditionOf(request.headers)
  const read = await readDocuments(kinds, await valuesOf(request, parser))
  const puts = read.documents.flatMap((object, document): Edit[] =>
    object === undefined ? [] : [{ op: 'put', object, document }],
  )
  if (read.problems.length > 0) throw await refused(context, read, puts)
  const kept = new Set(read.documents.flatMap((object) => (object === undefined ? [] : [idOf(object)])))
  return (state) => {
    precondition(state)
    return prune ? [...puts, ...deletions(state, kept)] : puts
  }
}

/** A deletion for each object that is not to be kept. */
export function deletions(state: State, kept: ReadonlySet<string>): Edit[] {
  return [...state.objects].flatMap(([kind, byName]) =>
    [...byName.keys()]
      .filter((name) => !kept.has(`${kind}/${name}`))
      .map((name): Edit => ({ op: 'delete', kind, name, document: -1 })),
  )
}

const exampleText = 'kind: Cluster\nname: echo\nspec:\n  endpoints: [{ address: 127.0.0.1, port: 9001 }]\n'

/** Says also what is wrong among the documents that are well-formed, so that one answer names everything. */
async function refused({ store, kinds, checkContext }: AdminContext, read: ReadDocuments, puts: Edit[]) {
  const plan = (state: State, edits: readonly Edit[]) =>
    planWrite(kinds, state, edits, checkContext, read.refused)
  const others = await store.write({ author: '', message: '', dryRun: true, edits: () => puts, plan }).then(
    () => [],
    (error) => (error instanceof WeirError && error.code === 'invalid' ? error.problems : []),
  )
  const problems = [...read.problems, ...others]
  problems.sort((a, b) => (a.document ?? 0) - (b.document ?? 0))
  return new WeirError('invalid', 'The documents were refused; nothing was written.', { problems })
}
