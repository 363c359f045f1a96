import type { HeldRow } from '../model/held-row.ts'
import type { QuarantineEntry } from '../model/quarantine.ts'

/** A row that is held back, as answers show it. */
export function shownRow({ good, named: _, version: __, ...row }: QuarantineEntry): HeldRow {
  return { ...row, inForce: good?.revision ?? null }
}
