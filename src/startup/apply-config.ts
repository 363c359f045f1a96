import { WeirError } from '../errors.ts'
import type { CheckContext, Kind } from '../model/kind.ts'
import { planWrite } from '../model/plan-write.ts'
import type { Store } from '../store/store.ts'
import { readConfig, refused } from './config-files.ts'

/** Applies a file or folder without prune, and says in a few words what that changed. */
export async function applyConfig(options: {
  path: string
  store: Store
  kinds: readonly Kind[]
  context: CheckContext
}): Promise<string> {
  const { path, store, kinds, context } = options
  const { documents, edits } = readConfig(path, kinds)
  try {
    const { revision, changes } = await store.write({
      author: 'config',
      message: path,
      edits: () => edits,
      plan: (state, split) => planWrite(kinds, state, split, context),
    })
    const changed = changes.filter(({ action }) => action !== 'unchanged').length
    return changed === 0 ? `unchanged at revision ${revision}` : `${changed} objects in revision ${revision}`
  } catch (error) {
    if (error instanceof WeirError && error.problems.length > 0)
      throw refused(path, documents, error.problems)
    throw error
  }
}
