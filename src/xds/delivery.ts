import type { Fleet } from './fleet.ts'
import type { DeliveryState } from './session.ts'
import { isOnTheWay, type Outcome, outcomeOf } from './track.ts'
import type { Traveller } from './traveller.ts'

/** How far a revision got, as a write's receipt tells it. */
export interface Delivery {
  /** `none`: no Envoy of these gateways is connected or expected. */
  readonly state: DeliveryState | 'none'
  readonly envoys: readonly EnvoyDelivery[]
}

/** How far one Envoy got with it; times in milliseconds since 1970. */
export interface EnvoyDelivery extends Omit<Outcome, 'state'> {
  readonly gateway: string
  readonly id: string
  /** `address:port` of the stream's other end, by which Envoys of one id differ; none while it is expected. */
  readonly peer?: string
  /** The replica of weir that has its stream; absent where there is but one. */
  readonly replica?: string
  /**
   * `not_connected`: it left before it had the revision, or a later one. It counts for nothing until it is back. `unknown`: the
   * replica that has its stream gives no sign of life, and no other has the Envoy. It is not waited for.
   */
  readonly state: Outcome['state'] | 'not_connected' | 'unknown'
  /** RFC 3339; absent while it is connected or expected. */
  readonly disconnectedAt?: string
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
  const { revision, expected = [] } = question
  const gateways = [...new Set(question.gateways)]
  const own = gateways.flatMap((gateway) =>
    fleet.travellers(gateway).map((traveller) => envoyDelivery(traveller, revision)),
  )
  const others = gateways.flatMap((gateway) => elsewhere(fleet, gateway, revision))
  const hasMoved = ({ gateway, id, disconnectedAt }: EnvoyDelivery) =>
    disconnectedAt !== undefined && others.some((each) => each.gateway === gateway && each.id === id)
  const known = own.filter((each) => !hasMoved(each))
  const isKnown = (wanted: { gateway: string; id: string }) =>
    known.some(
      ({ gateway, id, disconnectedAt }) =>
        disconnectedAt === undefined && gateway === wanted.gateway && id === wanted.id,
    )
  const starting = expected
    .filter((each) => gateways.includes(each.gateway) && !isKnown(each))
    .map(({ gateway, id }): EnvoyDelivery => ({ gateway, id, state: 'pending' }))
  const isStarting = ({ gateway, id }: EnvoyDelivery) =>
    starting.some((each) => each.gateway === gateway && each.id === id)
  const envoys = [...known.filter((each) => !isStarting(each)), ...others, ...starting]
  return { state: summary(envoys.filter(({ disconnectedAt }) => disconnectedAt === undefined)), envoys }
}

function envoyDelivery({ track, ...envoy }: Traveller, revision: number): EnvoyDelivery {
  const outcome = outcomeOf(track, revision)
  const isOver = outcome.state === 'acked' || outcome.state === 'superseded' || outcome.state === 'nacked'
  if (envoy.disconnectedAt === undefined || isOver) return { ...envoy, ...outcome }
  const { sentAt } = outcome
  return { ...envoy, state: 'not_connected', ...(sentAt === undefined ? {} : { sentAt }) }
}

/** Envoys whose streams other replicas have, as those tell of them: how far they are with what is newest. */
function elsewhere(fleet: Fleet, gateway: string, revision: number): EnvoyDelivery[] {
  return fleet
    .connected(gateway)
    .filter(({ isElsewhere }) => isElsewhere)
    .map(({ id, peer, replica, view }) => {
      const { state, nacks } = view.delivery()
      const reached = state === 'unknown' || view.revision() >= revision ? state : 'pending'
      const told = { gateway, id, peer, ...(replica !== undefined && { replica }), state: reached }
      return { ...told, ...(nacks.length > 0 && { nacks }) }
    })
}

function summary(all: readonly EnvoyDelivery[]): Delivery['state'] {
  const envoys = all.filter(({ state }) => state !== 'unknown')
  if (envoys.length === 0) return 'none'
  if (envoys.every(({ state }) => state === 'acked' || state === 'superseded')) return 'acked'
  return envoys.some(isOnTheWay) ? 'pending' : 'nacked'
}

interface Waiting {
  readonly question: DeliveryQuestion
  answer(delivery: Delivery): void
  /** While one Envoy is known to be on its way, nobody need look at the others. */
  isBehind?: (() => boolean) | undefined
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
      const { question, answer } = each
      if (!question.gateways.some((gateway) => gateways.has(gateway)) || each.isBehind?.()) continue
      each.isBehind = fleet().straggler(question.gateways, question.revision)
      if (each.isBehind !== undefined) continue
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
      const entry: Waiting = { question, answer }
      waiting.add(entry)
      options.signal?.addEventListener('abort', giveUp)
    })
  }

  return { noteChange, whenDelivered }
}
