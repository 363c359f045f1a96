import type { HeldRow } from '../model/quarantine.ts'

/** A row that is held back, as answers show it. */
export interface ShownRow {
  kind: string
  name: string
  /** The revision that gave it the form that is refused, and the one whose form is in force; null where none is. */
  revision: number
  inForce: number | null
  pointer: string
  error: string
  gateway: string
  node: string
  type: string
  resource: string
  since: string
}

export function shownRow({ good, named: _, version: __, ...row }: HeldRow): ShownRow {
  return { ...row, inForce: good?.revision ?? null }
}
