import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { WeirError } from '../../errors.ts'
import { idOf } from '../../model/document.ts'
import { equalJson } from '../../model/equal.ts'
import type { Edit } from '../../model/plan-write.ts'
import { find, type State } from '../../model/state.ts'
import type { EditsOf, Wish } from '../commit.ts'
import type { AdminContext } from '../context.ts'
import { type DryRunQuery, dryRun, dryRunParameter } from '../dry-run.ts'
import { stateHeaders, statePreconditionOf } from '../preconditions.ts'
import { Query } from '../query.ts'
import { knownRevision, revisionParams } from '../revision-url.ts'
import { write, writeHeaders, writeParameters } from '../write.ts'
import { deletions, writtenOrRehearsed } from './apply.ts'

/** `POST /v1/revisions/{n}/restore`: the state of an old revision becomes a new one. */
export function restoreRoute(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'Make the state of a revision the newest again',
    description:
      'Writes a new revision with exactly the objects of that one, checked like every write; nothing is written where ' +
      'they are the same already. The answer lists what it changes.',
    tags: ['history'],
    params: revisionParams,
    headers: Type.Object({ ...writeHeaders, ...stateHeaders }),
    querystring: Query({ ...dryRunParameter, ...writeParameters }),
    response: writtenOrRehearsed,
  }
  app.post('/v1/revisions/:revision/restore', { schema }, async (request, reply) => {
    const query = request.query as DryRunQuery
    const { revision } = request.params as { revision: string }
    const wish: Wish = {
      prepare: () => editsOf(context, request),
      places: 'objects',
      tagged: 'state',
      message: `restore revision ${revision}`,
    }
    return query.dryRun ? dryRun(context, request, reply, wish) : write(context, request, reply, wish)
  })
}

async function editsOf(context: AdminContext, request: FastifyRequest): Promise<EditsOf> {
  const precondition = statePreconditionOf(request.headers)
  const revision = await knownRevision(context, request)
  const { state: wanted, unreadable } = await context.store.loaded(revision)
  if (unreadable.length > 0) throw unreadableRows(revision, unreadable)
  return (state) => {
    precondition(state)
    return restoration(state, wanted)
  }
}

/** Only what differs, each with a number of its own, by which a problem finds its object. */
function restoration(state: State, wanted: State): Edit[] {
  const documents = [...wanted.objects.values()].flatMap((byName) =>
    [...byName.values()].map(({ document }) => document),
  )
  const puts = documents
    .filter((object) => {
      const stored = find(state, object.kind, object.name)
      return stored === undefined || !equalJson(stored.document, object)
    })
    .map((object): Edit => ({ op: 'put', object, document: 0 }))
  const edits = [...puts, ...deletions(state, new Set(documents.map(idOf)))]
  return edits.map((edit, document) => ({ ...edit, document }))
}

/** To leave them out would be another state than the one that is asked for. */
function unreadableRows(revision: number, ids: readonly string[]): WeirError {
  const problems = ids.map((id) => ({
    pointer: '',
    message: `${id} of revision ${revision} is none that this version of weir can read`,
    remedy: 'restore with the version that wrote it, or apply the documents that are still wanted',
  }))
  return new WeirError('invalid', `Revision ${revision} cannot be restored as it was.`, { problems })
}
