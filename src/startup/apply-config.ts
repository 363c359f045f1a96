import { reductionsBetween } from '../control/reductions.ts'
import { startupError, WeirError } from '../errors.ts'
import { type Confirmation, confirmationToken, requireConfirmation } from '../model/confirmation.ts'
import type { CheckContext, Kind } from '../model/kind.ts'
import { type Change, planWrite } from '../model/plan-write.ts'
import { gatewaysConcerned } from '../model/references.ts'
import type { State } from '../model/state.ts'
import type { Store } from '../store/store.ts'
import { readConfig, refused } from './config-files.ts'

/** Applies a file or folder without prune, and says in a few words what that changed. */
export async function applyConfig(options: {
  path: string
  store: Store
  kinds: readonly Kind[]
  context: CheckContext
  /** The token of a write that takes much away, where one was given. */
  confirm?: string | undefined
}): Promise<string> {
  const { path, store, kinds, context, confirm } = options
  const { documents, edits } = readConfig(path, kinds)
  try {
    const { revision, changes } = await store.write({
      author: 'config',
      message: path,
      edits: () => edits,
      plan: (state, split) => planWrite(kinds, state, split, context),
      permit: (before, { next, changes }) => requireConfirmed(options, before, next, changes, confirm),
    })
    const changed = changes.filter(({ action }) => action !== 'unchanged').length
    return changed === 0 ? `unchanged at revision ${revision}` : `${changed} objects in revision ${revision}`
  } catch (error) {
    if (error instanceof WeirError && error.code === 'confirmation_needed')
      throw unconfirmed(path, error, confirm)
    if (error instanceof WeirError && error.problems.length > 0)
      throw refused(path, documents, error.problems)
    throw error
  }
}

/** Where the Envoys of a gateway are is not known at a start: clusters of tiers count as without endpoints. */
function requireConfirmed(
  { kinds, context }: { kinds: readonly Kind[]; context: CheckContext },
  before: State,
  after: State,
  changes: readonly Change[],
  given: string | undefined,
): void {
  const concerned = () =>
    gatewaysConcerned(kinds, before, changes).union(gatewaysConcerned(kinds, after, changes))
  const places = { announced: new Map(), listenerAddress: context.listenerAddress }
  const reductions = reductionsBetween({ before, after, changes }, concerned, places)
  if (reductions.length === 0) return
  requireConfirmation({ token: confirmationToken(before, after, changes), reductions }, given)
}

function unconfirmed(path: string, { problems, members }: WeirError, given: string | undefined): Error {
  const confirmation = members?.confirmation as Confirmation | undefined
  const stale =
    given === undefined ? '' : 'WEIR_CONFIRM is for another file, or for a state that has changed since. '
  return startupError(
    `WEIR_CONFIG (${path}) takes more than half away: ${problems.map(({ message }) => message).join(', ')}.`,
    `${stale}If that is meant, start with WEIR_CONFIRM=${confirmation?.token}; else mend the file, or start without it by WEIR_CONFIG= (empty).`,
  )
}
