import type { Controller } from './controller.ts'
import { createEventLog, type EventLog } from './event-log.ts'
import { type BreakerMoves, recordFleet } from './fleet-events.ts'
import type { QuarantineControl } from './quarantine.ts'
import { createReceipts, type Receipt, type ReceiptQuestion, type ReceiptSources } from './receipts.ts'
import type { Rollouts } from './rollouts.ts'
import { createRowsBehind } from './rows-behind.ts'

export interface DeliveryDesk {
  /** What became of a revision, after waiting for it as long as is asked. */
  deliver(question: ReceiptQuestion): Promise<Receipt>
  /** What happens to revisions, Envoys, rows that are held back, rollouts and circuit breakers. */
  events: EventLog
}

export interface DeliverySources extends ReceiptSources {
  controller: Controller
  quarantine: QuarantineControl
  rollouts: Rollouts
  breakers: BreakerMoves
}

/** Tells what becomes of writes: when asked, and live. */
export function createDelivery(sources: DeliverySources): DeliveryDesk {
  const { feed, fleet, controller, quarantine, rollouts, breakers } = sources
  const rows = createRowsBehind(controller)
  const log = createEventLog()
  recordFleet({ log, feed, fleet, quarantine, rollouts, breakers, rows })
  return { deliver: createReceipts({ ...sources, rows }), events: log }
}
