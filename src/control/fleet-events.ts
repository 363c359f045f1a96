import type { Feed } from '../feed/feed.ts'
import type { FleetEvent } from '../model/fleet-event.ts'
import type { RolloutRecord } from '../model/rollout-record.ts'
import type { FleetView } from '../xds/server.ts'
import type { FleetNews } from '../xds/traveller.ts'
import type { EventLog } from './event-log.ts'
import { type HeldNews, heldNews } from './held-news.ts'
import type { QuarantineControl } from './quarantine.ts'
import type { Rollouts } from './rollouts.ts'
import type { RowsBehind } from './rows-behind.ts'
import { shownRow } from './shown-row.ts'

/** What of a refusal an event tells; the receipt tells all of it. */
const toldNacks = 20
const toldRows = 20

/** Tells each transition of a circuit breaker once, whichever replica made it. */
export interface BreakerMoves {
  follow(listener: (move: Omit<Extract<FleetEvent, { type: 'breaker_moved' }>, 'type' | 'at'>) => void): void
}

/** Writes down what happens to revisions, Envoys, rows that are held back, rollouts and circuit breakers from now on. */
export function recordFleet(options: {
  log: EventLog
  feed: Pick<Feed, 'follow'>
  fleet: Pick<FleetView, 'watch'>
  quarantine: Pick<QuarantineControl, 'follow'>
  rollouts: Pick<Rollouts, 'follow'>
  breakers: BreakerMoves
  rows: RowsBehind
  now?: () => number
}): void {
  const { log, feed, fleet, quarantine, rollouts, breakers, rows, now = Date.now } = options
  feed.follow((revision) => log.append({ type: 'revision', at: timeOf(now()), revision }))
  fleet.watch((news) => log.append(eventOf(news, rows)))
  quarantine.follow((...looks) => {
    for (const news of heldNews(...looks)) log.append(heldEventOf(news, timeOf(now())))
  })
  breakers.follow((move) => log.append({ type: 'breaker_moved', at: timeOf(now()), ...move }))
  rollouts.follow((record) => log.append(rolloutEventOf(record, timeOf(now()))))
}

function heldEventOf({ type, row }: HeldNews, at: string): FleetEvent {
  return { type, at, row: shownRow(row) }
}

function rolloutEventOf(record: RolloutRecord, at: string): FleetEvent {
  const { gateway, candidate: revision, base, state, wave, reason } = record
  return { type: 'rollout_moved', at, gateway, revision, base, state, wave: wave + 1, reason }
}

function eventOf(news: FleetNews, rows: RowsBehind): FleetEvent {
  const { gateway, id, peer } = news.envoy
  const common = { at: timeOf(news.at), gateway, id, peer }
  switch (news.kind) {
    case 'sent':
    case 'acked':
      return { type: news.kind, ...common, revision: news.revision }
    case 'warming':
      return { type: 'warming', ...common, revision: news.revision, clusters: [...news.clusters] }
    case 'nacked': {
      const traced = news.nacks.map((nack) => rows.of(gateway, nack)).slice(0, toldNacks)
      const nacks = traced.map((nack) => ({ ...nack, rows: nack.rows.slice(0, toldRows) }))
      return { type: 'nacked', ...common, revision: news.revision, nacks }
    }
    case 'superseded':
      return { type: 'superseded', ...common, revision: news.revision, by: news.by }
    case 'connected':
      return { type: 'connected', ...common, version: news.version, protocol: news.protocol }
    case 'disconnected':
      return { type: 'disconnected', ...common, reason: news.reason }
  }
}

/** RFC 3339. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
