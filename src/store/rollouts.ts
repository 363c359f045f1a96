import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { GatewaySpec } from '../model/gateway.ts'
import type {
  RolloutExchange,
  RolloutMove,
  RolloutOutcome,
  RolloutRecord,
  RolloutTable,
} from '../model/rollout-record.ts'
import { find, type State } from '../model/state.ts'
import { reportsChannel, rolloutsChannel } from './locks.ts'
import { guarded } from './pool.ts'
import type { Transaction } from './read-state.ts'
import { rolloutDriver, rolloutOutcomes, rolloutReports, rollouts } from './tables.ts'

const clock = sql`clock_timestamp()`
const everybody = { nodes: [], share: 1 }

/** How far rollouts are, what the replicas say of them, and who drives. */
export function rolloutTable(db: NodePgDatabase) {
  return {
    /** Notes what a replica says, makes it the driver if there is none, and answers with what is known. */
    exchangeRollouts: (exchange: RolloutExchange): Promise<RolloutTable> =>
      guarded(() => db.transaction((tx) => exchangeIn(tx, exchange))),

    /** All records; those of gateways whose `rollout` was taken away are gone. */
    rollouts: (): Promise<RolloutRecord[]> => guarded(() => db.select().from(rollouts)),

    /** Whether the change was made: it is not where the record is not `from` any more, or another replica drives. */
    moveRollout: (move: RolloutMove): Promise<boolean> =>
      guarded(() => db.transaction((tx) => moveIn(tx, move))),

    /** What became of revisions that were rolled out in waves. */
    rolloutOutcomes: (revisions: readonly number[]): Promise<(RolloutOutcome & { at: Date })[]> =>
      guarded(async () =>
        revisions.length === 0
          ? []
          : db
              .select()
              .from(rolloutOutcomes)
              .where(inArray(rolloutOutcomes.revision, [...revisions]))
              .orderBy(desc(rolloutOutcomes.revision), rolloutOutcomes.gateway),
      ),
  }
}

async function exchangeIn(
  tx: Transaction,
  { replica, name, report, tell, aliveMs, leaseMs, forgetMs }: RolloutExchange,
): Promise<RolloutTable> {
  const said = { name, seenAt: clock, report }
  await tx
    .insert(rolloutReports)
    .values({ replica, startedAt: sql`${clock} - ${ms(aliveMs)}`, ...said })
    .onConflictDoUpdate({ target: rolloutReports.replica, set: said })
  await tx.delete(rolloutReports).where(lt(rolloutReports.seenAt, sql`${clock} - ${ms(forgetMs)}`))
  const until = sql`${clock} + ${ms(leaseMs)}`
  // Whoever waits here for another replica finds that the time is not over.
  await tx
    .insert(rolloutDriver)
    .values({ replica, name, until })
    .onConflictDoUpdate({
      target: rolloutDriver.singleton,
      set: { replica, name, until },
      setWhere: sql`${rolloutDriver.replica} = ${replica} or ${rolloutDriver.until} < ${clock}`,
    })
  if (tell) await tx.execute(sql`select pg_notify(${reportsChannel}, '')`)
  const [driver] = await tx
    .select({ ...columns(rolloutDriver), now: sql<string>`${clock}` })
    .from(rolloutDriver)
  return {
    now: new Date(driver!.now),
    driver: { replica: driver!.replica, name: driver!.name },
    records: await tx.select().from(rollouts),
    reports: await tx.select().from(rolloutReports),
  }
}

function columns({ replica, name }: typeof rolloutDriver) {
  return { replica, name }
}

async function moveIn(tx: Transaction, { from, to, outcome, driver }: RolloutMove): Promise<boolean> {
  if (driver !== undefined) {
    const mine = and(eq(rolloutDriver.replica, driver), sql`${rolloutDriver.until} > ${clock}`)
    const [held] = await tx.select().from(rolloutDriver).where(mine).for('share')
    if (held === undefined) return false
  }
  const same = and(eq(rollouts.gateway, from.gateway), eq(rollouts.version, from.version))
  const { gateway: _, ...set } = to
  const { rowCount } = await tx.update(rollouts).set(set).where(same)
  if (rowCount !== 1) return false
  if (outcome !== undefined) {
    const { state, reason } = outcome
    await tx
      .insert(rolloutOutcomes)
      .values({ ...outcome, at: clock })
      .onConflictDoUpdate({
        target: [rolloutOutcomes.revision, rolloutOutcomes.gateway],
        set: { state, reason, at: clock },
      })
  }
  await tx.execute(sql`select pg_notify(${rolloutsChannel}, '')`)
  return true
}

/**
 * Makes the records of gateways to which a write gives a `rollout`, and takes those away from which it takes it. What is
 * new goes to all at once; where the gateway was there, the write itself is the first to go in waves.
 */
export async function noteRollouts(tx: Transaction, before: State, after: State): Promise<void> {
  if (before.objects.get('Gateway') === after.objects.get('Gateway')) return
  const [had, has] = [gatewaysIn(before), gatewaysIn(after)]
  const ended = [...had].filter((gateway) => !has.has(gateway))
  if (ended.length > 0) await tx.delete(rollouts).where(inArray(rollouts.gateway, ended))
  const rows = [...has].map((gateway) => {
    const isNew = find(before, 'Gateway', gateway) === undefined
    const revision = isNew ? after.revision : before.revision
    return { ...firstRecord, gateway, base: revision, candidate: revision }
  })
  if (rows.length > 0) await tx.insert(rollouts).values(rows).onConflictDoNothing()
}

const firstRecord = {
  version: 1,
  epoch: 1,
  state: 'done' as const,
  wave: 0,
  reach: everybody,
  startedAt: clock,
  waveAt: clock,
  settlingAt: null,
  changedAt: clock,
  reason: '',
}

function gatewaysIn(state: State): Set<string> {
  const objects = [...(state.objects.get('Gateway')?.values() ?? [])]
  const staged = objects.filter(({ document }) => (document.spec as GatewaySpec).rollout !== undefined)
  return new Set(staged.map(({ document }) => document.name))
}

function ms(milliseconds: number) {
  return sql`make_interval(secs => ${milliseconds / 1000})`
}
