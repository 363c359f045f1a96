import type { Origin } from '../compile/provenance.ts'
import { typeUrls } from '../envoy-api/types.ts'
import type { Feed } from '../feed/feed.ts'
import { idOf } from '../model/document.ts'
import type { Delivery, DeliveryQuestion, EnvoyDelivery } from '../xds/delivery.ts'
import type { FleetView } from '../xds/server.ts'
import type { Nack } from '../xds/session.ts'
import type { Controller } from './controller.ts'
import type { QuarantineControl } from './quarantine.ts'
import type { ReplicaDelivery, Replicas } from './replicas.ts'
import type { RolloutView } from './rollout-view.ts'
import type { Reached, Rollouts } from './rollouts.ts'
import type { SharedFleet } from './shared-fleet.ts'
import type { ShownRow } from './shown-row.ts'

/**
 * What became of a write, for its answer: per Envoy, and for what it refused the rows behind it; and per rate-limit
 * service. `pending` while any of both is; `none` where no Envoy is there; `nacked`, too, where an object of the write is
 * held back, or the write was reverted.
 */
export interface Receipt {
  state: Delivery['state']
  envoys: ReceiptEnvoy[]
  replicas: ReplicaDelivery[]
  /** Of the gateways concerned that have a `rollout`. */
  rollouts: RolloutView[]
  /** What the Envoys of the gateways do not get, whichever write brought it; absent where they get all. */
  heldBack?: ShownRow[]
}

export interface ReceiptEnvoy extends Omit<EnvoyDelivery, 'nacks'> {
  nacks?: (Nack & { rows: Origin[] })[]
}

export interface ReceiptQuestion {
  revision: number
  gateways: ReadonlySet<string>
  /** What the write names. */
  objects?: readonly { kind: string; name: string }[]
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
  rollouts: Pick<Rollouts, 'views' | 'reached' | 'whenReached'>
  quarantine: Pick<QuarantineControl, 'held' | 'retry' | 'settled'>
  /** Has the gateway's Envoys try again what they refused. */
  retry(gateway: string): void
  /** Envoys that weir itself is starting, which count as connected. */
  expected(): { gateway: string; id: string }[]
}) {
  const { feed, fleet, shared, controller, replicas, rollouts, quarantine, retry, expected } = options

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
        await quarantine.retry(question.objects ?? [])
        for (const gateway of question.gateways) retry(gateway)
        const over = new AbortController()
        const rolledOut = rollouts.whenReached(question, signal).then((reached) => {
          if (reached === 'reverted') over.abort()
          return reached
        })
        const delivered = everywhere([...question.gateways], signal, () => {
          return decided(asked, AbortSignal.any([signal, over.signal]))
        })
        const [delivery, services, reached] = await Promise.all([
          delivered,
          replicas.reached(revision, signal),
          rolledOut,
        ])
        return traced(question, delivery, services, reached)
      }
    }
    return traced(question, fleet.settled(asked()), replicas.known(revision), rollouts.reached(question))
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

  /** What is refused is looked into first: the rest of it is in force then, and it is known which rows were meant. */
  async function decided(asked: () => DeliveryQuestion, signal: AbortSignal): Promise<Delivery> {
    for (;;) {
      const delivery = await fleet.whenDelivered(asked(), { signal })
      await quarantine.settled(new Set(asked().gateways), signal)
      // What was published goes to the streams in the next turn of the loop.
      await new Promise((resolve) => setImmediate(resolve))
      const isStill = JSON.stringify(fleet.settled(asked())) === JSON.stringify(delivery)
      if (isStill || signal.aborted) return delivery
    }
  }

  function traced(
    question: ReceiptQuestion,
    { state, envoys }: Delivery,
    services: ReplicaDelivery[],
    reached: Reached,
  ): Receipt {
    const { revision, gateways, objects = [] } = question
    const named = new Set(objects.map(idOf))
    const held = quarantine.held()
    const own = held.filter((row) => row.revision === revision || named.has(idOf(row)))
    const shown = held.filter((row) => own.includes(row) || gateways.has(row.gateway))
    const isBehind = services.some((each) => each.state === 'pending')
    const isPending = isBehind || state === 'pending' || reached === 'pending'
    const isRefused = own.length > 0 || reached === 'reverted'
    return {
      state: isBehind
        ? 'pending'
        : reached === 'reverted'
          ? 'nacked'
          : isPending
            ? 'pending'
            : isRefused
              ? 'nacked'
              : state,
      rollouts: rollouts.views(gateways),
      replicas: services,
      ...(shown.length > 0 && { heldBack: shown }),
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
