import type { FastifyRequest } from 'fastify'
import { WeirError } from '../errors.ts'
import { type Edit, planWrite } from '../model/plan-write.ts'
import type { State } from '../model/state.ts'
import type { MadeWrite, Write } from '../store/store.ts'
import { authorshipOf } from './authorship.ts'
import type { AdminContext } from './context.ts'
import { guardOf } from './guard.ts'

/** What is to be done to the state that the write meets, in its transaction; throws where it must not be done. */
export type EditsOf = (state: State) => readonly Edit[]

export interface Wish {
  /** Reads what is wished for; not asked of a request that was carried out before. */
  prepare(): Promise<EditsOf>
  /**
   * What problems say of their place: the number of the document in the request, nothing where that is one document,
   * or the object where no document was sent.
   */
  places: 'documents' | 'none' | 'objects'
  /** Whose ETag the answer carries. */
  tagged?: 'state' | { kind: string; name: string }
  /** The revision's message where the request has none. */
  message?: string
}

/** Plans and commits, or only rehearses, what is wished for. */
export async function commit(
  context: AdminContext,
  request: FastifyRequest,
  wish: Wish,
  how: Pick<Write, 'once' | 'dryRun'>,
): Promise<MadeWrite> {
  const { store, kinds, checkContext } = context
  const { author, message } = authorshipOf(request.headers)
  const editsOf = await wish.prepare()
  let edits: readonly Edit[] = []
  try {
    return await store.write({
      author,
      message: message || (wish.message ?? ''),
      edits(state) {
        edits = editsOf(state)
        return edits
      },
      plan: (state, split) => planWrite(kinds, state, split, checkContext),
      // A dry run tells of it instead.
      ...(how.dryRun ? {} : { permit: guardOf(context, request) }),
      ...how,
    })
  } catch (error) {
    throw error instanceof WeirError ? placed(error, wish, edits) : error
  }
}

/** A number below zero is none of a document in the request. */
function placed(error: WeirError, { places }: Wish, edits: readonly Edit[]): WeirError {
  const problems = error.problems.map(({ document, ...problem }) => {
    if (document === undefined) return problem
    if (places === 'documents' && document >= 0) return { document, ...problem }
    const edit = places === 'objects' ? edits.find((each) => each.document === document) : undefined
    if (edit === undefined) return problem
    const { kind, name } = edit.op === 'put' ? edit.object : edit
    return { ...problem, message: `${kind}/${name}: ${problem.message}` }
  })
  const { retryAfter, members, cause } = error
  return new WeirError(error.code, error.message, { problems, retryAfter, members, cause })
}
