import { bigint, index, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

/** One row a write. */
export const revisions = pgTable('revisions', {
  id: bigint({ mode: 'number' }).primaryKey(),
  author: text().notNull(),
  message: text().notNull(),
  at: timestamp({ withTimezone: true }).notNull().defaultNow(),
})

/** One row a form that an object had, valid from `fromRevision` until before `toRevision`. */
export const objects = pgTable(
  'objects',
  {
    kind: text().notNull(),
    name: text().notNull(),
    owner: text().notNull(),
    labels: jsonb().$type<Record<string, string>>().notNull(),
    spec: jsonb().$type<Record<string, unknown>>().notNull(),
    fromRevision: bigint('from_revision', { mode: 'number' }).notNull(),
    toRevision: bigint('to_revision', { mode: 'number' }),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.name, table.fromRevision] }),
    index('objects_from_revision').on(table.fromRevision),
    index('objects_to_revision').on(table.toRevision),
  ],
)

export type ObjectRow = typeof objects.$inferSelect
export type RevisionRow = typeof revisions.$inferSelect
