import { emptyState, type State } from '../model/state.ts'
import { type createStateReader, newestRevision, type Reader } from './read-state.ts'

/** The newest state that this replica knows. It only moves forward, unless the database was reset. */
export function createStateCache(reader: ReturnType<typeof createStateReader>) {
  let cached: State = emptyState
  /** A write of this replica whose commit is under way: what it makes is known here already. */
  let committing: { revision: number; settled: Promise<unknown> } | undefined

  return {
    state: (): State => cached,

    /** Brings it up to the newest revision that `from` sees, and answers with the state of that, or a later one. */
    async catchUp(from: Reader): Promise<State> {
      const known = cached
      const newest = await newestRevision(from)
      // Its notification may be here before its answer is; to wait is cheaper than to read the rows back.
      if (newest === committing?.revision) await committing.settled
      const base = cached
      if (newest === base.revision) return base
      // Others moved it on while the database was asked.
      if (newest < base.revision && base !== known) return base
      // What was known before the question was committed before it, so that a lower answer means that the database
      // was reset under us; then it is read anew.
      const anew = newest < base.revision || base.revision === 0
      const state = anew ? await reader.newest(from, newest) : await reader.advance(from, base, newest)
      if (cached === base || state.revision > cached.revision) cached = state
      return state
    },

    /** Runs a write, which tells what it commits: whoever sees that revision in the meantime waits for its end. */
    async during<T>(write: (commits: (next: State) => void) => Promise<T>): Promise<T> {
      const { promise: settled, resolve: settle } = Promise.withResolvers<void>()
      let next: State = cached
      try {
        const done = await write((state) => {
          next = state
          committing = { revision: state.revision, settled }
        })
        if (next.revision > cached.revision) cached = next
        return done
      } finally {
        committing = undefined
        settle()
      }
    },
  }
}
