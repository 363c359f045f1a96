import type { Problem } from '../errors.ts'
import { idOf } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import type { Edit } from '../model/plan-write.ts'
import { find, type State } from '../model/state.ts'
import type { SecretRow, SecretRows } from './rows.ts'
import { type EditSecret, refsOf } from './split.ts'

/** An API key tells who calls, so that after the write no two objects may have the same. */
export async function sharedKeyProblems(
  kinds: readonly Kind[],
  rows: SecretRows,
  state: State,
  edits: readonly Edit[],
  settled: ReadonlyMap<EditSecret, SecretRow>,
  created: readonly SecretRow[],
): Promise<Problem[]> {
  const hashes = [...settled.values()].flatMap(({ keyedHash }) => (keyedHash === null ? [] : [keyedHash]))
  if (hashes.length === 0) return []
  const written = new Set(edits.map((edit) => idOf(edit.op === 'put' ? edit.object : edit)))
  const settledIn = settledByObject(settled)
  const inForce = new Map<string, SecretRow[]>()
  for (const row of [...(await rows.byHash(hashes)), ...created]) {
    if (row.keyedHash === null || !standsAfter(row)) continue
    const hash = row.keyedHash.toString('hex')
    inForce.set(hash, [...(inForce.get(hash) ?? []), row])
  }

  /** Whether an object refers to the secret once the write is made. */
  function standsAfter(row: SecretRow): boolean {
    const id = idOf(row)
    if (written.has(id)) return settledIn.get(id)?.has(row.id) ?? false
    return refsOf(kinds, find(state, row.kind, row.name)?.document).get(row.pointer) === row.id
  }

  return [...settled].flatMap(([{ edit, pointer }, { kind, name, keyedHash }]): Problem[] => {
    if (keyedHash === null) return []
    const others = inForce.get(keyedHash.toString('hex')) ?? []
    const other = others.find((row) => row.kind !== kind || row.name !== name)
    if (other === undefined) return []
    const message = `${other.kind}/${other.name} has the same key`
    return [{ document: edit.document, pointer, message, remedy: 'give each consumer keys of its own' }]
  })
}

/** `Kind/name` of the objects that are written -> ids of their secrets. */
function settledByObject(settled: ReadonlyMap<EditSecret, SecretRow>): Map<string, Set<string>> {
  const ids = new Map<string, Set<string>>()
  for (const row of settled.values()) {
    const object = idOf(row)
    ids.set(object, (ids.get(object) ?? new Set()).add(row.id))
  }
  return ids
}
