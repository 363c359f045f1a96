import type { Feed } from '../feed/feed.ts'
import { idOf } from '../model/document.ts'
import type { EnvoyReceipt, Receipt } from '../model/receipt.ts'
import type { Delivery, DeliveryQuestion, EnvoyDelivery } from '../xds/delivery.ts'
import type { FleetView } from '../xds/server.ts'
import { timeOf } from './fleet-events.ts'
import type { QuarantineControl } from './quarantine.ts'
import type { ReplicaDelivery, Replicas } from './replicas.ts'
import type { Reached, Rollouts } from './rollouts.ts'
import type { RowsBehind } from './rows-behind.ts'
import type { SharedFleet } from './shared-fleet.ts'

export type { Receipt }

export interface ReceiptQuestion {
  revision: number
  gateways: ReadonlySet<string>
  /** What the write names. */
  objects?: readonly { kind: string; name: string }[]
  /** 0: how far it is now. */
  timeoutMs: number
  signal?: AbortSignal
}

export interface ReceiptSources {
  feed: Feed
  fleet: FleetView
  /** What is known of the Envoys of other replicas. */
  shared: Pick<SharedFleet, 'look' | 'retry' | 'watch'>
  replicas: Pick<Replicas, 'known' | 'reached'>
  rollouts: Pick<Rollouts, 'views' | 'reached' | 'whenReached'>
  quarantine: Pick<QuarantineControl, 'held' | 'retry' | 'settled'>
  /** Has the gateway's Envoys try again what they refused. */
  retry(gateway: string): void
  /** Envoys that weir itself is starting, which count as connected. */
  expected(): { gateway: string; id: string }[]
}

/**
 * Answers what became of a revision, after waiting for it as long as was asked: per Envoy, and for what it refused the
 * rows behind it; and per rate-limit service. `pending` while any of both is; `none` where no Envoy is there;
 * `nacked`, too, where an object of the write is held back, or the write was reverted.
 */
export function createReceipts(sources: ReceiptSources & { rows: RowsBehind }) {
  const { feed, fleet, rows, shared, replicas, rollouts, quarantine, retry, expected } = sources

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
        await quarantine.retry(question.objects ?? heldIn(question.gateways))
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

  /** What is held back of these gateways. */
  function heldIn(gateways: ReadonlySet<string>) {
    return quarantine.held().filter(({ gateway }) => gateways.has(gateway))
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
    return {
      state: isBehind ? 'pending' : stateOf(state, reached, own.length > 0),
      rollouts: rollouts.views(gateways),
      replicas: services,
      ...(shown.length > 0 && { heldBack: shown }),
      envoys: envoys.map((envoy) => told(envoy, rows)),
    }
  }
}

/** Of a revision that every rate-limit service has; `isHeld`: in part it is held back. */
function stateOf(state: Delivery['state'], reached: Reached, isHeld: boolean): Receipt['state'] {
  if (reached === 'reverted') return 'nacked'
  if (state === 'pending' || reached === 'pending') return 'pending'
  return isHeld ? 'nacked' : state
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
