import { sql } from 'drizzle-orm'
import type { Reader, Transaction } from './read-state.ts'
import { notifications } from './tables.ts'

/**
 * Tells all replicas at the transaction's commit, and counts it, so that whoever the notification does not reach finds
 * by the number that there was one.
 */
export async function notify(tx: Transaction, channel: string): Promise<void> {
  await tx
    .insert(notifications)
    .values({ channel, number: 1 })
    .onConflictDoUpdate({
      target: notifications.channel,
      set: { number: sql`${notifications.number} + 1` },
    })
  await tx.execute(sql`select pg_notify(${channel}, '')`)
}

/** How often was told on each channel. */
export async function notified(reader: Reader): Promise<Map<string, number>> {
  const rows = await reader.select().from(notifications)
  return new Map(rows.map(({ channel, number }) => [channel, number]))
}
