import { formOf, type Quarantine, type QuarantineEntry } from '../model/quarantine.ts'

export interface HeldNews {
  readonly type: 'quarantined' | 'quarantine_disputed' | 'released'
  readonly row: QuarantineEntry
}

/** What became of rows between two looks: whoever follows it has the list of what is held back. */
export function heldNews(before: Quarantine, now: Quarantine): HeldNews[] {
  const [had, has] = [byEntry(before), byEntry(now)]
  const gone = [...had].filter(([entry]) => !has.has(entry))
  const come = [...has].filter(([entry, row]) => {
    const known = had.get(entry)
    return known === undefined || known.good?.revision !== row.good?.revision
  })
  return [
    ...gone.map(([, row]): HeldNews => {
      return { type: now.accepted.has(formOf(row)) ? 'quarantine_disputed' : 'released', row }
    }),
    ...come.map(([, row]): HeldNews => ({ type: 'quarantined', row })),
  ]
}

/** One form may be refused in several resources. */
function byEntry({ held }: Quarantine): Map<string, QuarantineEntry> {
  return new Map(held.map((row) => [JSON.stringify([formOf(row), row.resource]), row]))
}
