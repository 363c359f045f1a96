import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import type { FleetGroup } from '../model/fleet-record.ts'
import type { Change } from '../model/plan-write.ts'
import type { GatewayReport, Reach, RolloutOutcome, RolloutState } from '../model/rollout-record.ts'

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

/** One row a replica that serves Envoys, or did until lately. */
export const fleetReplicas = pgTable('fleet_replicas', {
  id: text().primaryKey(),
  name: text().notNull(),
  revision: bigint({ mode: 'number' }).notNull(),
  version: bigint({ mode: 'number' }).notNull(),
  base: bigint({ mode: 'number' }).notNull(),
  seenAt: timestamp('seen_at', { withTimezone: true }).notNull(),
})

/** One row an Envoy that is or was at a replica. */
export const fleetEnvoys = pgTable(
  'fleet_envoys',
  {
    replica: text().notNull(),
    seat: integer().notNull(),
    version: bigint({ mode: 'number' }).notNull(),
    item: jsonb(),
  },
  (table) => [primaryKey({ columns: [table.replica, table.seat] })],
)

/** One row a gateway that has Envoys at a replica. */
export const fleetGateways = pgTable(
  'fleet_gateways',
  {
    replica: text().notNull(),
    gateway: text().notNull(),
    version: bigint({ mode: 'number' }).notNull(),
    groups: jsonb().$type<readonly FleetGroup[]>(),
  },
  (table) => [primaryKey({ columns: [table.replica, table.gateway] })],
)

/** How often was told on each channel of NOTIFY that others must not miss. */
export const notifications = pgTable('notifications', {
  channel: text().primaryKey(),
  number: bigint({ mode: 'number' }).notNull(),
})

/** One row a gateway with a `rollout`. */
export const rollouts = pgTable('rollouts', {
  gateway: text().primaryKey(),
  version: bigint({ mode: 'number' }).notNull(),
  epoch: bigint({ mode: 'number' }).notNull(),
  state: text().$type<RolloutState>().notNull(),
  base: bigint({ mode: 'number' }).notNull(),
  candidate: bigint({ mode: 'number' }).notNull(),
  wave: integer().notNull(),
  reach: jsonb().$type<Reach>().notNull(),
  startedAt: timestamp('started_at', { withTimezone: true }).notNull(),
  waveAt: timestamp('wave_at', { withTimezone: true }).notNull(),
  settlingAt: timestamp('settling_at', { withTimezone: true }),
  changedAt: timestamp('changed_at', { withTimezone: true }).notNull(),
  reason: text().notNull(),
})

/** One row a revision and gateway that it was rolled out to in waves. */
export const rolloutOutcomes = pgTable(
  'rollout_outcomes',
  {
    gateway: text().notNull(),
    revision: bigint({ mode: 'number' }).notNull(),
    state: text().$type<RolloutOutcome['state']>().notNull(),
    reason: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.revision, table.gateway] })],
)

/** One row a replica that sees Envoys of gateways with a `rollout`, or did until lately. */
export const rolloutReports = pgTable('rollout_reports', {
  replica: text().primaryKey(),
  name: text().notNull(),
  startedAt: timestamp('started_at', { withTimezone: true }).notNull(),
  seenAt: timestamp('seen_at', { withTimezone: true }).notNull(),
  report: json().$type<Record<string, GatewayReport>>().notNull(),
})

/** One row: who moves rollouts on. */
export const rolloutDriver = pgTable('rollout_driver', {
  singleton: boolean().primaryKey().default(true),
  replica: text().notNull(),
  name: text().notNull(),
  until: timestamp({ withTimezone: true }).notNull(),
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

/** What a replica answers to another one that asks how clusters are. */
export const healthAnswers = pgTable(
  'health_answers',
  {
    question: uuid().notNull(),
    replica: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().default(sql`clock_timestamp()`),
    answer: json().$type<unknown>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.question, table.replica] })],
)
