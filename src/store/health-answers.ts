import { and, eq, lt, ne, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { HealthAnswers } from '../model/health-answers.ts'
import { healthAskedChannel, healthToldChannel } from './locks.ts'
import { guarded } from './pool.ts'
import { fleetReplicas, healthAnswers } from './tables.ts'

/** Without a sign of life for so long a replica is not waited for. */
const silent = sql`clock_timestamp() - make_interval(secs => 8)`
/** Nobody waits for an answer that long. */
const forgotten = sql`clock_timestamp() - make_interval(secs => 30)`

/** What replicas ask each other, and answer. */
export function createHealthAnswers(db: NodePgDatabase): HealthAnswers {
  return {
    ask: (question) =>
      guarded(async () => {
        const { name, seenAt } = fleetReplicas
        const lives = and(ne(name, question.from), sql`${seenAt} > ${silent}`)
        const others = await db.select({ name }).from(fleetReplicas).where(lives)
        if (others.length > 0) {
          await db.execute(sql`select pg_notify(${healthAskedChannel}, ${JSON.stringify(question)})`)
        }
        return others.map((each) => each.name)
      }),
    tell: (question, { replica, answer }) =>
      guarded(() =>
        db.transaction(async (tx) => {
          await tx.delete(healthAnswers).where(lt(healthAnswers.at, forgotten))
          await tx.insert(healthAnswers).values({ question, replica, answer }).onConflictDoNothing()
          await tx.execute(sql`select pg_notify(${healthToldChannel}, ${question})`)
        }),
      ),
    read: (question) =>
      guarded(async () => {
        const { replica, answer } = healthAnswers
        return db
          .delete(healthAnswers)
          .where(eq(healthAnswers.question, question))
          .returning({ replica, answer })
      }),
  }
}
