import type { Document } from './document.ts'
import type { Kind } from './kind.ts'
import { pendingWarnings, type Warning } from './pending.ts'
import type { State } from './state.ts'

/** All that a writer of these documents should know although nothing is wrong with them. */
export function warningsOf(kinds: readonly Kind[], documents: readonly Document[], state: State): Warning[] {
  return documents.flatMap((document) => {
    const kind = kinds.find((candidate) => candidate.kind === document.kind)
    if (kind === undefined) return []
    return [...pendingWarnings(kind.spec, document), ...(kind.warnings?.(document, state) ?? [])]
  })
}
