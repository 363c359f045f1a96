import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Pool } from 'pg'
import { idOf } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import {
  type Form,
  formOf,
  type Quarantine,
  type QuarantineEntry,
  type Refusal,
} from '../model/quarantine.ts'
import { openDatabase } from './database.ts'
import { quarantineChannel } from './locks.ts'
import { guarded } from './pool.ts'
import type { Reader } from './read-state.ts'
import { createSubstitutes } from './substitutes.ts'
import { objects, quarantine } from './tables.ts'

export type QuarantineTable = ReturnType<typeof createQuarantineTable>

/**
 * The forms of objects that Envoys refuse, shared by all replicas. An entry stays as long as its form is in the history,
 * so that an older form which was refused, too, is not taken for a good one.
 */
export function createQuarantineTable({ pool, kinds }: { pool: Pool; kinds: readonly Kind[] }) {
  const db = openDatabase(pool)
  const substitutes = createSubstitutes(kinds)

  async function read(): Promise<Quarantine> {
    const present = and(
      eq(objects.kind, quarantine.kind),
      eq(objects.name, quarantine.name),
      eq(objects.fromRevision, quarantine.revision),
      isNull(objects.toRevision),
    )
    const rows = await db
      .select({ entry: quarantine })
      .from(quarantine)
      .innerJoin(objects, present)
      .orderBy(quarantine.kind, quarantine.name)
    const entries = rows.map(({ entry }) => entry)
    const refused = entries.filter(({ accepted }) => !accepted)
    const found = await substitutes.read(db, refused)
    const held = refused.map(({ good: _, accepted: __, since, ...entry }): QuarantineEntry => {
      return { ...entry, since: since.toISOString(), ...found.get(formOf(entry))! }
    })
    return { held, accepted: new Set(entries.filter(({ accepted }) => accepted).map(formOf)) }
  }

  return {
    /** What holds now. */
    read: (): Promise<Quarantine> => guarded(read),

    /** What the Envoys are to get instead of these forms, by `formOf`, if `refused` are refused as well. */
    substitutes: (forms: readonly Form[], refused: readonly Form[]) =>
      guarded(() => substitutes.find(db, forms, refused)),

    /** Holds these forms back, but for those that some Envoy accepted. */
    hold: (refusals: readonly Refusal[]): Promise<void> =>
      guarded(() =>
        db.transaction(async (tx) => {
          const values = refusals.map((refusal) => ({ ...refusal, since: sql`clock_timestamp()` }))
          await tx.insert(quarantine).values(values).onConflictDoNothing()
          // An older entry of the object may have had one of these for its good form.
          const names = new Set(refusals.map(idOf))
          for (const id of names) await settleGood(tx, substitutes, id)
          await tell(tx)
        }),
      ),

    /** Forgets that these forms were refused, so that they are tried again. */
    release: (forms: readonly Form[]): Promise<void> =>
      guarded(() =>
        db.transaction(async (tx) => {
          for (const form of forms) await tx.delete(quarantine).where(isForm(form))
          await tell(tx)
        }),
      ),

    /** Some Envoy has these forms in force: they are not held back any more. */
    accept: (forms: readonly Form[]): Promise<void> =>
      guarded(() =>
        db.transaction(async (tx) => {
          for (const form of forms) await tx.update(quarantine).set({ accepted: true }).where(isForm(form))
          await tell(tx)
        }),
      ),
  }
}

async function settleGood(
  tx: Reader,
  substitutes: ReturnType<typeof createSubstitutes>,
  id: string,
): Promise<void> {
  const slash = id.indexOf('/')
  const [kind, name] = [id.slice(0, slash), id.slice(slash + 1)]
  const entries = await tx
    .select()
    .from(quarantine)
    .where(and(eq(quarantine.kind, kind), eq(quarantine.name, name)))
  const found = await substitutes.find(tx, entries, entries)
  for (const entry of entries) {
    const good = found.get(formOf(entry))?.good?.revision ?? null
    if (good !== entry.good) await tx.update(quarantine).set({ good }).where(isForm(entry))
  }
}

function isForm({ kind, name, revision }: Form) {
  return and(eq(quarantine.kind, kind), eq(quarantine.name, name), eq(quarantine.revision, revision))
}

async function tell(tx: Reader): Promise<void> {
  await tx.execute(sql`select pg_notify(${quarantineChannel}, '')`)
}
