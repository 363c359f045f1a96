import type { Fleet, StreamView } from './fleet.ts'
import type { DeliveryState, Nack } from './session.ts'

/** How far a revision got, as a write's receipt tells it. */
export interface Delivery {
  /** `none`: no Envoy of these gateways is connected or expected. */
  readonly state: DeliveryState | 'none'
  readonly envoys: readonly EnvoyDelivery[]
}

export interface EnvoyDelivery {
  readonly gateway: string
  readonly id: string
  /** `address:port` of the stream's other end, by which Envoys of one id differ; none while it is expected. */
  readonly peer?: string
  readonly state: DeliveryState
  /** What this Envoy refuses of its newest snapshot. */
  readonly nacks?: readonly Nack[]
}

export interface DeliveryQuestion {
  readonly revision: number
  readonly gateways: readonly string[]
  /** Envoys that are being started here: they count as connected from now on. */
  readonly expected?: readonly { readonly gateway: string; readonly id: string }[]
}

export interface WaitOptions {
  /** After this time, or when `signal` fires, the answer is how far it got. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/**
 * How far the fleet is. `acked`: every connected or expected Envoy stands on a snapshot of this revision or a
 * later one, has asked for all of it and has acknowledged all of it. `nacked`: none is on the way any more,
 * and some refuse a part.
 */
export function deliveryOf(fleet: Fleet, question: DeliveryQuestion): Delivery {
  const envoys: EnvoyDelivery[] = []
  for (const gateway of new Set(question.gateways)) {
    for (const { id, peer, view } of fleet.connected(gateway)) {
      const { state, nacks } = view.delivery()
      const reached = view.revision() >= question.revision ? state : 'pending'
      envoys.push({ gateway, id, peer, state: reached, ...(nacks.length > 0 && { nacks }) })
    }
  }
  for (const { gateway, id } of question.expected ?? []) {
    if (!question.gateways.includes(gateway)) continue
    if (!envoys.some((envoy) => envoy.gateway === gateway && envoy.id === id)) {
      envoys.push({ gateway, id, state: 'pending' })
    }
  }
  return { state: summary(envoys), envoys }
}

function summary(envoys: readonly EnvoyDelivery[]): Delivery['state'] {
  if (envoys.length === 0) return 'none'
  if (envoys.some(({ state }) => state === 'pending')) return 'pending'
  return envoys.some(({ state }) => state === 'nacked') ? 'nacked' : 'acked'
}

function isPending(view: StreamView, { revision }: DeliveryQuestion): boolean {
  return view.revision() < revision || view.delivery().state === 'pending'
}

interface Waiting {
  readonly question: DeliveryQuestion
  readonly answer: (delivery: Delivery) => void
  /** An Envoy that is not there yet: while that is so, nobody looks at the others. */
  late: StreamView | undefined
}

/** Answers once a question is no longer `pending`; looks again only when something of its gateways changed. */
export function createDeliveries(fleet: () => Fleet) {
  const waiting = new Set<Waiting>()
  const changed = new Set<string>()

  /** Many streams change in one tick; each question is looked at once. */
  function noteChange(gateway: string): void {
    if (waiting.size === 0) return
    if (changed.size === 0) setImmediate(lookAgain)
    changed.add(gateway)
  }

  function lookAgain(): void {
    const gateways = new Set(changed)
    changed.clear()
    for (const each of waiting) {
      const { question, answer, late } = each
      if (!question.gateways.some((gateway) => gateways.has(gateway))) continue
      if (late !== undefined && fleet().serves(late) && isPending(late, question)) continue
      const views = question.gateways.flatMap((gateway) =>
        fleet()
          .connected(gateway)
          .map(({ view }) => view),
      )
      each.late = views.findLast((view) => isPending(view, question))
      if (each.late !== undefined) continue
      const delivery = deliveryOf(fleet(), question)
      if (delivery.state !== 'pending') answer(delivery)
    }
  }

  function whenDelivered(question: DeliveryQuestion, options: WaitOptions = {}): Promise<Delivery> {
    const now = deliveryOf(fleet(), question)
    if (now.state !== 'pending' || options.signal?.aborted) return Promise.resolve(now)
    return new Promise((resolve) => {
      const giveUp = () => answer(deliveryOf(fleet(), question))
      const timer = options.timeoutMs === undefined ? undefined : setTimeout(giveUp, options.timeoutMs)
      const answer = (delivery: Delivery) => {
        waiting.delete(entry)
        clearTimeout(timer)
        options.signal?.removeEventListener('abort', giveUp)
        resolve(delivery)
      }
      const entry: Waiting = { question, answer, late: undefined }
      waiting.add(entry)
      options.signal?.addEventListener('abort', giveUp)
    })
  }

  return { noteChange, whenDelivered }
}
