import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { AnnouncementExchange, KnownAnnouncement } from '../model/announcement.ts'
import type { FleetAnswer, FleetExchange } from '../model/fleet-record.ts'
import type { KnownReplica, ReplicaExchange } from '../model/replica.ts'
import { exchangeAnnouncements } from './announcements.ts'
import { askRetry, exchangeFleet } from './fleet.ts'
import { createHealthAnswers } from './health-answers.ts'
import { notified } from './notices.ts'
import { guarded } from './pool.ts'
import { exchangeReplicas } from './replicas.ts'

/** What replicas tell each other through the database. */
export function createExchanges(db: NodePgDatabase) {
  return {
    /** Notes where the Envoys of a replica are, and answers where those of all replicas are. */
    exchangeAnnouncements: (exchange: AnnouncementExchange): Promise<KnownAnnouncement[]> =>
      guarded(() => exchangeAnnouncements(db, exchange)),

    /** Notes by which revision a rate-limit service answers, and answers with what is known of all. */
    exchangeReplicas: (exchange: ReplicaExchange): Promise<KnownReplica[]> =>
      guarded(() => exchangeReplicas(db, exchange)),

    /** Notes what is new of a replica's Envoys, and answers with what is new of those of the others. */
    exchangeFleet: (exchange: FleetExchange): Promise<FleetAnswer> =>
      guarded(() => exchangeFleet(db, exchange)),

    /** Asks the replicas to send the Envoys of these gateways once more what they refused. */
    askRetry: (from: string, gateways: readonly string[]): Promise<void> =>
      guarded(() => askRetry(db, from, gateways)),

    /** How clusters are by what Envoys told other replicas. */
    healthAnswers: createHealthAnswers(db),

    /** How often was told on each channel of NOTIFY whose notifications must not be missed. */
    notified: (): Promise<Map<string, number>> => guarded(() => notified(db)),
  }
}
