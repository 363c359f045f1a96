import type { Feed } from '../feed/feed.ts'
import type { EnvoyReceipt, Receipt } from '../model/receipt.ts'
import type { Delivery, EnvoyDelivery } from '../xds/delivery.ts'
import type { FleetView } from '../xds/server.ts'
import { timeOf } from './fleet-events.ts'
import type { ReplicaDelivery, Replicas } from './replicas.ts'
import type { RowsBehind } from './rows-behind.ts'

export type { Receipt }

export interface ReceiptQuestion {
  revision: number
  gateways: ReadonlySet<string>
  /** 0: how far it is now. */
  timeoutMs: number
  signal?: AbortSignal
}

export interface ReceiptSources {
  feed: Feed
  fleet: FleetView
  replicas: Pick<Replicas, 'known' | 'reached'>
  /** Has the gateway's Envoys try again what they refused. */
  retry(gateway: string): void
  /** Envoys that weir itself is starting, which count as connected. */
  expected(): { gateway: string; id: string }[]
}

/**
 * Answers what became of a revision, after waiting for it as long as was asked: per Envoy, and for what it refused the
 * rows behind it; and per rate-limit service. `pending` while any of both is; `none` where no Envoy is there.
 */
export function createReceipts(sources: ReceiptSources & { rows: RowsBehind }) {
  const { feed, fleet, rows, replicas, retry, expected } = sources

  return async function receipt(question: ReceiptQuestion): Promise<Receipt> {
    const { revision, timeoutMs } = question
    const signals = [
      AbortSignal.timeout(timeoutMs),
      ...(question.signal === undefined ? [] : [question.signal]),
    ]
    const signal = AbortSignal.any(signals)
    const asked = () => ({ revision, gateways: [...question.gateways], expected: expected() })
    if (timeoutMs > 0) {
      // This replica's own services must answer by the revision too, and be asked first: it decides who is expected.
      const here = await feed.reached(revision, signal).then(
        () => true,
        () => false,
      )
      // Somebody waits, perhaps because they mended what Envoy had refused (a port in use): it is asked again now.
      if (here) {
        for (const gateway of question.gateways) retry(gateway)
        const delivered = fleet.whenDelivered(asked(), { signal })
        const [delivery, services] = await Promise.all([delivered, replicas.reached(revision, signal)])
        return traced(delivery, services)
      }
    }
    return traced(fleet.settled(asked()), replicas.known(revision))
  }

  function traced({ state, envoys }: Delivery, services: ReplicaDelivery[]): Receipt {
    return {
      state: services.some((each) => each.state === 'pending') ? 'pending' : state,
      replicas: services,
      envoys: envoys.map((envoy) => told(envoy, rows)),
    }
  }
}

function told(envoy: EnvoyDelivery, rows: RowsBehind): EnvoyReceipt {
  const { sentAt, ackedAt, nackedAt, warmingSince, warming, nacks, ...rest } = envoy
  return {
    ...rest,
    ...(sentAt === undefined ? {} : { sentAt: timeOf(sentAt) }),
    ...(warmingSince === undefined ? {} : { warmingSince: timeOf(warmingSince) }),
    ...(warming === undefined ? {} : { warming: [...warming] }),
    ...(ackedAt === undefined ? {} : { ackedAt: timeOf(ackedAt) }),
    ...(nackedAt === undefined ? {} : { nackedAt: timeOf(nackedAt) }),
    ...(nacks === undefined ? {} : { nacks: nacks.map((nack) => rows.of(envoy.gateway, nack)) }),
  }
}
