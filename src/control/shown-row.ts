import type { HeldRow as ShownRow } from '../model/held-row.ts'
import type { HeldRow } from '../model/quarantine.ts'

/** A row that is held back, as answers show it. */
export function shownRow({ good, named: _, version: __, ...row }: HeldRow): ShownRow {
  return { ...row, inForce: good?.revision ?? null }
}
