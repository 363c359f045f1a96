import { and, eq, gt, inArray, lt, ne, or, type SQL, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { FleetAnswer, FleetExchange, ToldReplica } from '../model/fleet-record.ts'
import { fleetChannel, retryChannel } from './locks.ts'
import type { Transaction } from './read-state.ts'
import { fleetEnvoys, fleetGateways, fleetReplicas } from './tables.ts'

/** Rows a statement. */
const batch = 1_000

/** Notes what one replica says of its Envoys, and answers with what is new of all others. Time is the database's. */
export async function exchangeFleet(db: NodePgDatabase, exchange: FleetExchange): Promise<FleetAnswer> {
  if (!(await db.transaction((tx) => write(tx, exchange)))) return { replicas: [], lost: true }
  const replicas = await db.transaction((tx) => read(tx, exchange), {
    ...{ isolationLevel: 'repeatable read', accessMode: 'read only' },
  })
  return { replicas, lost: false }
}

/**
 * Asks the other replicas to send the Envoys of these gateways once more what they refused. One that misses it does so
 * later; who asks is told, too, since it hears itself.
 */
export async function askRetry(db: NodePgDatabase, from: string, gateways: readonly string[]): Promise<void> {
  for (const gateway of gateways)
    await db.execute(sql`select pg_notify(${retryChannel}, ${`${from} ${gateway}`})`)
}

/** Whether what it builds on is there. */
async function write(tx: Transaction, exchange: FleetExchange): Promise<boolean> {
  const { own, says, envoys, gateways, tell } = exchange
  const { id, name, revision, version, base } = own
  const isOwn = eq(fleetReplicas.id, id)
  const sign = { revision, version, base, seenAt: sql`clock_timestamp()` }
  if (says === 'changes') {
    const { rowCount } = await tx.update(fleetReplicas).set(sign).where(isOwn)
    if (rowCount === 0) return false
  } else {
    await tx.delete(fleetReplicas).where(isOwn)
    if (says !== 'leave') await tx.insert(fleetReplicas).values({ id, name, ...sign })
  }
  await forget(tx, exchange)
  for (let at = 0; at < envoys.length; at += batch) {
    const rows = envoys.slice(at, at + batch).map(({ seat, item }) => ({ replica: id, seat, version, item }))
    const { replica, seat, item } = fleetEnvoys
    const set = { version, item: excluded(item) }
    await tx
      .insert(fleetEnvoys)
      .values(rows)
      .onConflictDoUpdate({ target: [replica, seat], set })
  }
  for (let at = 0; at < gateways.length; at += batch) {
    const rows = gateways.slice(at, at + batch).map((each) => ({ replica: id, version, ...each }))
    const { replica, gateway, groups } = fleetGateways
    const set = { version, groups: excluded(groups) }
    await tx
      .insert(fleetGateways)
      .values(rows)
      .onConflictDoUpdate({ target: [replica, gateway], set })
  }
  if (tell) await tx.execute(sql`select pg_notify(${fleetChannel}, ${id})`)
  return true
}

/** A row that another replica is just deleting needs nobody else. */
async function forget(tx: Transaction, { own, says, forgetMs }: FleetExchange): Promise<void> {
  const { id, name, seenAt } = fleetReplicas
  const replaced = says === 'first' ? eq(name, own.name) : undefined
  const silent = forgetMs === undefined ? undefined : lt(seenAt, ago(forgetMs))
  if (replaced === undefined && silent === undefined) return
  const gone = and(ne(id, own.id), or(replaced, silent))
  const found = tx.select({ id }).from(fleetReplicas).where(gone).for('update', { skipLocked: true })
  await tx.delete(fleetReplicas).where(inArray(id, found))
}

async function read(tx: Transaction, { own, known }: FleetExchange): Promise<ToldReplica[]> {
  const { id, name, revision, version, base, seenAt } = fleetReplicas
  const silentMs = sql<number>`greatest(0, extract(epoch from clock_timestamp() - ${seenAt}) * 1000)::float8`
  const replicas = await tx
    .select({ id, name, revision, version, base, silentMs })
    .from(fleetReplicas)
    .where(ne(id, own.id))
    .orderBy(name, id)
  const changed = replicas.filter((each) => each.version !== known.get(each.id))
  if (changed.length === 0) return replicas.map((each) => ({ ...each, envoys: [], gateways: [] }))
  const isNew = (table: typeof fleetEnvoys | typeof fleetGateways) =>
    or(...changed.map((each) => and(eq(table.replica, each.id), gt(table.version, known.get(each.id) ?? -1))))
  const envoys = await tx.select().from(fleetEnvoys).where(isNew(fleetEnvoys))
  const gateways = await tx.select().from(fleetGateways).where(isNew(fleetGateways))
  const [seats, groups] = [byReplica(envoys), byReplica(gateways)]
  return replicas.map((each) => {
    return { ...each, envoys: seats.get(each.id) ?? [], gateways: groups.get(each.id) ?? [] }
  })
}

function byReplica<Row extends { replica: string }>(rows: readonly Row[]): Map<string, Row[]> {
  return Map.groupBy(rows, ({ replica }) => replica)
}

function excluded({ name }: { name: string }): SQL {
  return sql`excluded.${sql.identifier(name)}`
}

function ago(ms: number): SQL {
  return sql`clock_timestamp() - make_interval(secs => ${ms / 1000})`
}
