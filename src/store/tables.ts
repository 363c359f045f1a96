import {
  bigint,
  boolean,
  customType,
  index,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import type { Change } from '../model/plan-write.ts'

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
    /** As it was written, the order of its fields included. */
    spec: json().$type<Record<string, unknown>>().notNull(),
    fromRevision: bigint('from_revision', { mode: 'number' }).notNull(),
    toRevision: bigint('to_revision', { mode: 'number' }),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.name, table.fromRevision] }),
    index('objects_from_revision').on(table.fromRevision),
    index('objects_to_revision').on(table.toRevision),
  ],
)

/** One row: the oldest revision whose state can be read. */
export const history = pgTable('history', {
  singleton: boolean().primaryKey().default(true),
  oldest: bigint({ mode: 'number' }).notNull(),
})

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** Keys of writes that a client may send again, each with what its write did. */
export const idempotencyKeys = pgTable('idempotency_keys', {
  key: text().primaryKey(),
  fingerprint: bytea().notNull(),
  revision: bigint({ mode: 'number' }).notNull(),
  effective: boolean().notNull(),
  changes: json().$type<Change[]>(),
  at: timestamp({ withTimezone: true }).notNull(),
})

/** Split-off secrets, named by the `{secretRef}` that stands in an object's spec. */
export const secrets = pgTable('secrets', {
  id: uuid().primaryKey(),
  kind: text().notNull(),
  name: text().notNull(),
  pointer: text().notNull(),
  keyId: text('key_id').notNull(),
  ciphertext: bytea(),
  keyedHash: bytea('keyed_hash'),
  fromRevision: bigint('from_revision', { mode: 'number' }).notNull(),
})

/** One row: the key by which API keys are hashed, encrypted under the master key in force. */
export const secretHashKey = pgTable('secret_hash_key', {
  singleton: boolean().primaryKey().default(true),
  id: text().notNull(),
  keyId: text('key_id').notNull(),
  wrapped: bytea().notNull(),
})

/** One row a place of an Envoy, as it announced it. */
export const envoyAddresses = pgTable('envoy_addresses', {
  id: text().primaryKey(),
  gateway: text().notNull(),
  node: text().notNull(),
  addresses: text().array().notNull(),
  peer: text().notNull(),
  replica: text(),
  seenAt: timestamp('seen_at', { withTimezone: true }).notNull(),
})

/** One row a rate-limit service that lives, or did until lately. */
export const replicas = pgTable('replicas', {
  id: text().primaryKey(),
  name: text().notNull(),
  revision: bigint({ mode: 'number' }).notNull(),
  seenAt: timestamp('seen_at', { withTimezone: true }).notNull(),
})

/** One row a form of an object that an Envoy refused. */
export const quarantine = pgTable(
  'quarantine',
  {
    kind: text().notNull(),
    name: text().notNull(),
    revision: bigint({ mode: 'number' }).notNull(),
    good: bigint({ mode: 'number' }),
    accepted: boolean().notNull().default(false),
    pointer: text().notNull(),
    error: text().notNull(),
    gateway: text().notNull(),
    node: text().notNull(),
    type: text().notNull(),
    resource: text().notNull(),
    version: text().notNull(),
    since: timestamp({ withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.kind, table.name, table.revision, table.resource] })],
)

export type ObjectRow = typeof objects.$inferSelect
export type RevisionRow = typeof revisions.$inferSelect
