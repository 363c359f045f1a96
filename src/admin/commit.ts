import type { FastifyRequest } from 'fastify'
import { type Problem, WeirError } from '../errors.ts'
import { idOf } from '../model/document.ts'
import type { Warning } from '../model/pending.ts'
import { type Edit, planWrite } from '../model/plan-write.ts'
import type { State } from '../model/state.ts'
import type { MadeWrite, Write } from '../store/write.ts'
import { authorshipOf } from './authorship.ts'
import type { AdminContext } from './context.ts'
import { gatewaysOf } from './delivery.ts'
import { guardOf } from './guard.ts'
import { untracedWarnings } from './untraced.ts'

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

/** A write, and what an Envoy that was asked first said that hindered it not. */
export type Committed = MadeWrite & { warnings?: readonly Warning[] }

/** Plans and commits, or only rehearses, what is wished for. */
export async function commit(
  context: AdminContext,
  request: FastifyRequest,
  wish: Wish,
  how: Pick<Write, 'once' | 'dryRun'>,
): Promise<Committed> {
  const { store, kinds, checkContext } = context
  const { author, message } = authorshipOf(request.headers)
  const editsOf = await wish.prepare()
  let edits: readonly Edit[] = []
  const made: Write = {
    author,
    message: message || (wish.message ?? ''),
    edits(state) {
      edits = editsOf(state)
      return edits
    },
    plan: (state, split) => planWrite(kinds, state, split, checkContext),
  }
  try {
    let warnings: readonly Warning[] = []
    if (context.validatesWrites && !how.dryRun) {
      const rehearsed = await store.write({ ...made, dryRun: true })
      warnings = await refuseUnfit(context, rehearsed, edits)
    }
    // A dry run tells of it instead.
    const permit = how.dryRun ? {} : { permit: guardOf(context, request) }
    return { ...(await store.write({ ...made, ...permit, ...how })), warnings }
  } catch (error) {
    throw error instanceof WeirError ? placed(error, wish, edits) : error
  }
}

/**
 * Asks an Envoy before the write. It is not asked again about what others write in between, and whoever cannot be asked
 * hinders no write: what is refused later is held back (`control/quarantine.ts`).
 */
async function refuseUnfit(
  context: AdminContext,
  result: MadeWrite,
  edits: readonly Edit[],
): Promise<readonly Warning[]> {
  const { before, after } = result
  if (before === after) return []
  const validation = await context.validate?.(before, after, gatewaysOf(context, result))
  if (validation?.state !== 'refused') return untracedWarnings(validation)
  const problems = validation.problems.map(({ kind, name, pointer, error }): Problem => {
    const edit = edits.find((each) => idOf(each.op === 'put' ? each.object : each) === `${kind}/${name}`)
    const message = `Envoy refuses ${kind}/${name}: ${error}`
    const remedy = 'correct what Envoy names'
    return { ...(edit !== undefined && { document: edit.document }), pointer, message, remedy }
  })
  throw new WeirError('invalid', 'Envoy refuses the documents; nothing was written.', { problems })
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
