import type { Controller } from './controller.ts'
import { createEventLog, type EventLog } from './event-log.ts'
import { recordFleet } from './fleet-events.ts'
import { createReceipts, type Receipt, type ReceiptQuestion, type ReceiptSources } from './receipts.ts'
import { createRowsBehind } from './rows-behind.ts'

export interface DeliveryDesk {
  /** What became of a revision, after waiting for it as long as is asked. */
  deliver(question: ReceiptQuestion): Promise<Receipt>
  /** What happens to revisions and Envoys. */
  events: EventLog
}

/** Tells what becomes of writes: when asked, and live. */
export function createDelivery(sources: ReceiptSources & { controller: Controller }): DeliveryDesk {
  const { feed, fleet, controller } = sources
  const rows = createRowsBehind(controller)
  const log = createEventLog()
  recordFleet({ log, feed, fleet, rows })
  return { deliver: createReceipts({ ...sources, rows }), events: log }
}
