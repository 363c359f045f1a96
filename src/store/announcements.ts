import { createHash } from 'node:crypto'
import { and, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import {
  type Announcement,
  type AnnouncementExchange,
  announcementKey,
  type KnownAnnouncement,
} from '../model/announcement.ts'
import { announcedChannel, locks } from './locks.ts'
import { notify } from './notices.ts'
import type { Transaction } from './read-state.ts'
import { envoyAddresses } from './tables.ts'

/** Rows of one gateway at most. A replica has 10,000 streams at most; those that left long ago give way first. */
export const maxAnnouncements = 10_000

/** Rows a statement. */
const batch = 1_000

/** Notes what one replica says and answers with what is known of all of them. Time is the database's. */
export async function exchangeAnnouncements(
  db: NodePgDatabase,
  exchange: AnnouncementExchange,
): Promise<KnownAnnouncement[]> {
  const { replica, present, left, tell, olderMs } = exchange
  return db.transaction(async (tx) => {
    // One replica at a time: their rows overlap where an Envoy moves from one to the other.
    await tx.execute(sql`select pg_advisory_xact_lock(${locks.announcements})`)
    await put(tx, present, { replica })
    // Who came to another replica meanwhile is that one's.
    await put(tx, left, { replica: null }, eq(envoyAddresses.replica, replica))
    const forgotten = olderMs === undefined ? 0 : await forget(tx, olderMs)
    if (present.length > 0) await bound(tx)
    if (tell || forgotten > 0) await notify(tx, announcedChannel)
    return read(tx, exchange.staleMs)
  })
}

async function put(
  tx: Transaction,
  announcements: readonly Announcement[],
  { replica }: { replica: string | null },
  setWhere?: SQL,
): Promise<void> {
  for (let at = 0; at < announcements.length; at += batch) {
    const rows = announcements.slice(at, at + batch).map((announcement) => ({
      ...{ id: idOf(announcement), replica, seenAt: sql`clock_timestamp()` },
      ...{ gateway: announcement.gateway, node: announcement.node, peer: announcement.peer },
      addresses: [...announcement.addresses],
    }))
    const set = { replica, seenAt: sql`clock_timestamp()` }
    await tx
      .insert(envoyAddresses)
      .values(rows)
      .onConflictDoUpdate({ target: envoyAddresses.id, set, ...(setWhere === undefined ? {} : { setWhere }) })
  }
}

async function forget(tx: Transaction, olderMs: number): Promise<number> {
  const { rowCount } = await tx.delete(envoyAddresses).where(lt(envoyAddresses.seenAt, ago(olderMs)))
  return rowCount ?? 0
}

async function bound(tx: Transaction): Promise<void> {
  await tx.execute(
    sql`delete from envoy_addresses where id in (
      select id from (
        select id, row_number() over (partition by gateway order by (replica is null), seen_at desc) as place
        from envoy_addresses
      ) as ranked where place > ${maxAnnouncements})`,
  )
}

function read(tx: Transaction, staleMs: number): Promise<KnownAnnouncement[]> {
  const { gateway, node, addresses, peer, replica, seenAt } = envoyAddresses
  const live = sql<boolean>`${and(sql`${replica} is not null`, sql`${seenAt} > ${ago(staleMs)}`)}`
  return tx.select({ gateway, node, addresses, peer, live }).from(envoyAddresses)
}

function ago(ms: number): SQL {
  return sql`clock_timestamp() - make_interval(secs => ${ms / 1000})`
}

function idOf(announcement: Announcement): string {
  return createHash('sha256').update(announcementKey(announcement)).digest('base64url')
}
