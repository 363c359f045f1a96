import type { Origin } from '../compile/provenance.ts'
import { typeUrls } from '../envoy-api/types.ts'
import type { Feed } from '../feed/feed.ts'
import type { Delivery, EnvoyDelivery } from '../xds/delivery.ts'
import type { FleetView } from '../xds/server.ts'
import type { Nack } from '../xds/session.ts'
import type { Controller } from './controller.ts'
import type { ReplicaDelivery, Replicas } from './replicas.ts'
import type { SharedFleet } from './shared-fleet.ts'

/**
 * What became of a write, for its answer: per Envoy, and for what it refused the rows behind it; and per rate-limit
 * service. `pending` while any of both is; `none` where no Envoy is there.
 */
export interface Receipt {
  state: Delivery['state']
  envoys: ReceiptEnvoy[]
  replicas: ReplicaDelivery[]
}

export interface ReceiptEnvoy extends Omit<EnvoyDelivery, 'nacks'> {
  nacks?: (Nack & { rows: Origin[] })[]
}

export interface ReceiptQuestion {
  revision: number
  gateways: ReadonlySet<string>
  /** 0: how far it is now. */
  timeoutMs: number
  signal?: AbortSignal
}

/** Answers how far a revision got, after waiting for it as long as was asked. */
export function createReceipts(options: {
  feed: Feed
  fleet: FleetView
  controller: Controller
  /** What is known of the Envoys of other replicas. */
  shared: Pick<SharedFleet, 'look' | 'retry' | 'watch'>
  replicas: Pick<Replicas, 'known' | 'reached'>
  /** Has the gateway's Envoys try again what they refused. */
  retry(gateway: string): void
  /** Envoys that weir itself is starting, which count as connected. */
  expected(): { gateway: string; id: string }[]
}) {
  const { feed, fleet, shared, controller, replicas, retry, expected } = options

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
        const delivered = everywhere([...question.gateways], signal, () => {
          return fleet.whenDelivered(asked(), { signal })
        })
        const [delivery, services] = await Promise.all([delivered, replicas.reached(revision, signal)])
        return traced(delivery, services)
      }
    }
    return traced(fleet.settled(asked()), replicas.known(revision))
  }

  /** Waits with what all replicas say, beginning with what they say now; their Envoys try again, too. */
  async function everywhere<Result>(
    gateways: readonly string[],
    signal: AbortSignal,
    wait: () => Promise<Result>,
  ): Promise<Result> {
    const release = shared.watch()
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    try {
      await Promise.race([shared.look().then(() => shared.retry(gateways, signal)), aborted])
      return await wait()
    } finally {
      release()
    }
  }

  function traced({ state, envoys }: Delivery, services: ReplicaDelivery[]): Receipt {
    return {
      state: services.some((each) => each.state === 'pending') ? 'pending' : state,
      replicas: services,
      envoys: envoys.map(({ nacks, ...envoy }) =>
        nacks === undefined ? envoy : { ...envoy, nacks: nacks.map((nack) => withRows(envoy.gateway, nack)) },
      ),
    }
  }

  function withRows(gateway: string, nack: Nack): Nack & { rows: Origin[] } {
    const typeUrl = typeUrls[nack.type as keyof typeof typeUrls]
    return { ...nack, rows: controller.rowsBehind(gateway, typeUrl, nack.resource) }
  }
}
