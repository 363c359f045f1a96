import type { Problem } from '../errors.ts'
import type { Kind } from '../model/kind.ts'
import { readDocument } from '../model/read-document.ts'
import type { StoredObject } from '../model/state.ts'
import type { ObjectRow } from './tables.ts'

/** A stored row as an object, or why this program cannot read it. */
export function readRow(
  kinds: readonly Kind[],
  row: ObjectRow,
): { object: StoredObject; problems: [] } | { object?: undefined; problems: Problem[] } {
  const { kind, name, labels, owner, spec } = row
  const { document, problems } = readDocument(kinds, { kind, name, labels, owner, spec })
  if (document === undefined) return { problems }
  return { object: { document, revision: row.fromRevision }, problems: [] }
}
