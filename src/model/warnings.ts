import type { Document } from './document.ts'
import type { Kind } from './kind.ts'
import { pendingWarnings, type Warning } from './pending.ts'
import { referrersOf } from './references.ts'
import type { State } from './state.ts'

/** All that a writer of these documents should know although nothing is wrong with them. */
export function warningsOf(kinds: readonly Kind[], documents: readonly Document[], state: State): Warning[] {
  const warnings = documents.flatMap((document) => {
    const kind = kinds.find((candidate) => candidate.kind === document.kind)
    if (kind === undefined) return []
    return [
      ...pendingWarnings(kind.spec, document),
      ...unnamedWarnings(kinds, kind, document, state),
      ...(kind.warnings?.(document, state) ?? []),
    ]
  })
  // Of two documents that are in each other's way both tell the same.
  return [...new Map(warnings.map((warning) => [JSON.stringify(warning), warning])).values()]
}

function unnamedWarnings(
  kinds: readonly Kind[],
  { unnamed }: Kind,
  { kind, name }: Document,
  state: State,
): Warning[] {
  if (unnamed === undefined || referrersOf(kinds, state).has(`${kind}/${name}`)) return []
  return [{ kind, name, pointer: '/name', message: `nothing names ${kind}/${name}`, effect: unnamed }]
}
