import { sql } from 'drizzle-orm'
import type { Document } from '../model/document.ts'
import type { Replacement } from '../model/state.ts'
import type { Transaction } from './read-state.ts'

/** Rows a statement, so that none of them is larger than a few MiB. */
const batch = 2_000

/** Inserts the new forms of objects, which hold from that revision on. */
export async function insertRows(
  tx: Transaction,
  rows: readonly Document[],
  revision: number,
): Promise<void> {
  for (let start = 0; start < rows.length; start += batch)
    await insertBatch(tx, rows.slice(start, start + batch), revision)
}

/** One array a column: a tenth of what as many parameters as there are values cost. */
async function insertBatch(tx: Transaction, rows: readonly Document[], revision: number): Promise<void> {
  const column = (of: (row: Document) => string) => sql.param(rows.map(of))
  await tx.execute(sql`
    insert into objects (kind, name, owner, labels, spec, from_revision)
    select kind, name, owner, labels, spec, ${revision}
    from unnest(
      ${column(({ kind }) => kind)}::text[], ${column(({ name }) => name)}::text[],
      ${column(({ owner }) => owner)}::text[], ${column(({ labels }) => JSON.stringify(labels))}::jsonb[],
      ${column(({ spec }) => JSON.stringify(spec))}::json[]
    ) as fresh (kind, name, owner, labels, spec)`)
}

/** Ends the present forms of objects, which hold until before that revision. */
export async function endRows(
  tx: Transaction,
  replacements: readonly Replacement[],
  revision: number,
): Promise<void> {
  const kinds = replacements.map(({ kind }) => kind)
  const names = replacements.map(({ name }) => name)
  await tx.execute(sql`
    update objects set to_revision = ${revision}
    from unnest(${sql.param(kinds)}::text[], ${sql.param(names)}::text[]) as gone (kind, name)
    where objects.kind = gone.kind and objects.name = gone.name and objects.to_revision is null`)
}
