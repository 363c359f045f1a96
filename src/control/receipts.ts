import type { Origin } from '../compile/provenance.ts'
import { typeUrls } from '../envoy-api/types.ts'
import type { Feed } from '../feed/feed.ts'
import type { Delivery, EnvoyDelivery } from '../xds/delivery.ts'
import type { FleetView } from '../xds/server.ts'
import type { Nack } from '../xds/session.ts'
import type { Controller } from './controller.ts'
import type { ReplicaDelivery, Replicas } from './replicas.ts'
import type { RolloutView } from './rollout-view.ts'
import type { Rollouts } from './rollouts.ts'

/**
 * What became of a write, for its answer: per Envoy, and for what it refused the rows behind it; and per rate-limit
 * service. `pending` while any of both is; `none` where no Envoy is there; `nacked` where it was reverted.
 */
export interface Receipt {
  state: Delivery['state']
  envoys: ReceiptEnvoy[]
  replicas: ReplicaDelivery[]
  /** Of the gateways concerned that have a `rollout`. */
  rollouts: RolloutView[]
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
  replicas: Pick<Replicas, 'known' | 'reached'>
  rollouts: Pick<Rollouts, 'views' | 'follow'>
  /** Has the gateway's Envoys try again what they refused. */
  retry(gateway: string): void
  /** Envoys that weir itself is starting, which count as connected. */
  expected(): { gateway: string; id: string }[]
}) {
  const { feed, fleet, controller, replicas, rollouts, retry, expected } = options

  const isReverted = ({ revision, gateways }: ReceiptQuestion) =>
    rollouts.views(gateways).some((view) => view.state === 'reverted' && view.revision >= revision)

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
        const reverted = untilReverted(question)
        const either = AbortSignal.any([signal, reverted.signal])
        const delivered = fleet.whenDelivered(asked(), { signal: either })
        const [delivery, services] = await Promise.all([delivered, replicas.reached(revision, signal)])
        reverted.end()
        return traced(question, delivery, services)
      }
    }
    return traced(question, fleet.settled(asked()), replicas.known(revision))
  }

  /** Fires when it is over since the revision was reverted. */
  function untilReverted(question: ReceiptQuestion): { signal: AbortSignal; end(): void } {
    const aborter = new AbortController()
    const look = () => {
      if (isReverted(question)) aborter.abort()
    }
    const end = rollouts.follow(look)
    look()
    return { signal: aborter.signal, end }
  }

  function traced(
    question: ReceiptQuestion,
    { state, envoys }: Delivery,
    services: ReplicaDelivery[],
  ): Receipt {
    const inFleet = state === 'pending' && isReverted(question) ? 'nacked' : state
    return {
      state: services.some((each) => each.state === 'pending') ? 'pending' : inFleet,
      rollouts: rollouts.views(question.gateways),
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
