import { type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import type { Batch, Opening, Target } from './exchange.ts'
import { grows } from './growth.ts'
import type { NodeMemory } from './memory.ts'
import { type Awaited, permitFor, sendingOrder, type TypeView } from './order.ts'
import { type Changes, resourcesOf, type Snapshot } from './snapshot.ts'
import { Subscription } from './subscription.ts'
import type { Progress } from './track.ts'
import type { Variant } from './variant.ts'

/** A batch that may be sent now, for one subscription. */
export interface Due extends Batch {
  readonly subscription: Subscription
  readonly revision: number
}

export type DeliveryState = 'acked' | 'pending' | 'nacked'

/** A resource whose newest version an Envoy rejected. */
export interface Nack {
  /** Short name of the type, as in `typeUrls`. */
  readonly type: string
  readonly resource: string
  readonly error: string
}

/** State of one type on one stream. */
export interface TypeState {
  readonly state: DeliveryState
  /** The newest revision that is wholly in force. */
  readonly revision: number | null
}

const shortNames = new Map<string, string>(Object.entries(typeUrls).map(([short, url]) => [url, short]))

/** `cluster` for Envoy's Cluster; for a type that weir does not serve, the last part of its name. */
export function shortType(typeUrl: string): string {
  return shortNames.get(typeUrl) ?? typeUrl.slice(typeUrl.lastIndexOf('.') + 1)
}

/**
 * What one ADS stream has been told and is to be told, whichever variant of the protocol it speaks. Only calls
 * and values: the variant turns messages into these calls, and what is due into messages.
 */
export class Session {
  readonly #subscriptions = new Map<string, Subscription>()
  /** Types in the order in which they are considered. */
  #order: readonly string[] = sendingOrder
  readonly #memory: NodeMemory
  readonly #variant: Variant
  #snapshot: Snapshot
  /** Clusters that were sent before the client asked for any endpoints on this stream. */
  readonly #unfollowed = new Set<string>()
  /** The client has resources from an earlier stream. */
  #returning = false

  constructor(snapshot: Snapshot, memory: NodeMemory, variant: Variant) {
    this.#snapshot = snapshot
    this.#memory = memory
    this.#variant = variant
  }

  get snapshot(): Snapshot {
    return this.#snapshot
  }

  get typeCount(): number {
    return this.#subscriptions.size
  }

  subscription(type: string): Subscription | undefined {
    return this.#subscriptions.get(type)
  }

  /** The first request of a type. */
  open(type: string, opening: Opening): Subscription {
    const subscription = new Subscription({
      type,
      target: this.#target(type),
      memory: this.#memory,
      served: shortNames.has(type),
      holdsAll: this.#variant.holdsAll(type),
      saysAbsence: this.#variant.saysAbsence,
      grows: grows(type),
      warms: type === typeUrls.endpoints,
      claimsByType: this.#variant.claimsByType,
      // A cluster that warms waits for endpoints that came before it.
      claimsSurely: !this.#variant.claimsByType && type !== typeUrls.endpoints,
    })
    subscription.open(opening, this.#mayWarm(type))
    if (opening.returning) this.#returning = true
    if (type === typeUrls.cluster) this.#memory.askedForClusters = true
    if (type === typeUrls.endpoints) {
      for (const name of this.#unfollowed) subscription.follow(name)
      this.#unfollowed.clear()
    }
    this.#subscriptions.set(type, subscription)
    if (!this.#order.includes(type)) this.#order = [...this.#order, type]
    return subscription
  }

  /** The stream is to converge to another snapshot; `changes` are those from the one before. */
  retarget(snapshot: Snapshot, changes: Changes): void {
    this.#snapshot = snapshot
    for (const [type, subscription] of this.#subscriptions) {
      subscription.retarget(this.#target(type), changes.get(type as TypeUrl) ?? [])
    }
  }

  /** What may be sent next; call `sent` before asking again. */
  due(): Due | undefined {
    const view = (type: string) => this.#view(type)
    let awaited: Awaited | undefined
    for (const type of this.#order) {
      const subscription = this.#subscriptions.get(type)
      if (subscription === undefined || subscription.outstanding !== undefined || subscription.settled)
        continue
      awaited ??= this.#awaited()
      const batch = subscription.next(permitFor(type, view, awaited))
      if (batch === undefined) continue
      return { ...batch, subscription, revision: this.#snapshot.revision }
    }
    return undefined
  }

  /**
   * Endpoints follow their cluster: Envoy warms a cluster that was sent anew until it gets them, and does not
   * ask again.
   */
  sent(due: Due, nonce: string): void {
    const { subscription, revision: _, ...batch } = due
    subscription.sent(nonce, batch)
    if (subscription.type !== typeUrls.cluster) return
    const endpoints = this.#subscriptions.get(typeUrls.endpoints)
    for (const { name } of [...batch.upserts, ...batch.restored, ...batch.standIns]) {
      if (endpoints === undefined) this.#unfollowed.add(name)
      else endpoints.follow(name)
    }
  }

  /** The stream is over: what it leaves in doubt is remembered for the next one. */
  close(): void {
    for (const subscription of this.#subscriptions.values()) subscription.close()
  }

  /**
   * Everything that the client refused is to be sent once more, one after the other, but for what is on its way; what
   * it refused and does not want at present (endpoints of a refused cluster) counts as never refused. Answers whether
   * there is anything of that kind.
   */
  retry(): boolean {
    if (this.#memory.blank) return false
    const onItsWay = (type: string, name: string) =>
      this.#subscriptions.get(type)?.outstanding?.upserts.some((each) => each.name === name) === true
    this.#memory.forgetRejections(
      (type, name) => this.#subscriptions.get(type)?.interest.wants(name) === true || onItsWay(type, name),
    )
    for (const subscription of this.#subscriptions.values()) {
      for (const { name } of subscription.parked()) {
        if (!onItsWay(subscription.type, name)) subscription.retry(name)
      }
    }
    return true
  }

  /** When `retryDue` has something to do, in milliseconds; undefined when nothing is refused, or being retried. */
  nextRetry(): number | undefined {
    return this.#firstRetry()?.retryAt
  }

  /** The refused resource whose time has come is to be sent once more: one only, until it is answered. */
  retryDue(now: number): void {
    const first = this.#firstRetry()
    if (first !== undefined && first.retryAt <= now) first.subscription.retry(first.name)
  }

  /** The client has asked for something for the first time, and has not answered what it was told. */
  get joins(): boolean {
    for (const subscription of this.#subscriptions.values()) if (subscription.begins) return true
    return false
  }

  /** Bytes of names and versions that this stream holds, by estimate. */
  get bytes(): number {
    return [...this.#subscriptions.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  types(): Record<string, TypeState> {
    const states = [...this.#subscriptions.values()].map((subscription) => {
      const state = subscription.hasParked ? 'nacked' : subscription.settled ? 'acked' : 'pending'
      return [shortType(subscription.type), { state, revision: subscription.revision }] as const
    })
    return Object.fromEntries(states)
  }

  /** Whether the client accepted this version of a resource, and has it, or what it has since is in doubt. */
  accepted(type: string, name: string, version: string): boolean {
    return this.#subscriptions.get(type)?.accepted(name, version) === true
  }

  /** How far this client is with its whole snapshot; while a NACK is being narrowed down, it is pending. */
  delivery(): { state: DeliveryState; nacks: Nack[] } {
    // Asked for each Envoy several times with each edit.
    const nacks: Nack[] = []
    let isOnTheWay = false
    let isSettled = true
    for (const [type, subscription] of this.#subscriptions) {
      for (const { name, error } of subscription.parked())
        nacks.push({ type: shortType(type), resource: name, error })
      isOnTheWay ||= subscription.outstanding !== undefined || subscription.look().upserts.length > 0
      isSettled &&= subscription.settled
    }
    if (isOnTheWay) return { state: 'pending', nacks }
    if (nacks.length > 0) return { state: 'nacked', nacks }
    return { state: isSettled && this.#coversAll() ? 'acked' : 'pending', nacks }
  }

  /** The same with what is on its way. */
  progress(): Progress {
    const { revision } = this.#snapshot
    const clusters = this.#subscriptions.get(typeUrls.cluster)?.outstanding
    return {
      ...{ revision, ...this.delivery() },
      sending: [...this.#subscriptions.values()].some(
        ({ outstanding }) => outstanding?.revision === revision,
      ),
      warming: clusters?.upserts.map(({ name }) => name) ?? [],
    }
  }

  #firstRetry(): { subscription: Subscription; name: string; retryAt: number } | undefined {
    if (this.#memory.blank) return undefined
    const subscriptions = [...this.#subscriptions.values()]
    if (subscriptions.some(({ retrying }) => retrying)) return undefined
    const parked = subscriptions.flatMap((subscription) => {
      return subscription.parked().map(({ name, retryAt }) => ({ subscription, name, retryAt }))
    })
    return parked.reduce<(typeof parked)[number] | undefined>((first, each) => {
      return first === undefined || each.retryAt < first.retryAt ? each : first
    }, undefined)
  }

  #coversAll(): boolean {
    for (const [type, resources] of this.#snapshot.resources) {
      if (resources.size > 0 && this.#subscriptions.get(type)?.covers !== true) return false
    }
    return true
  }

  #target(type: string): Target {
    return { revision: this.#snapshot.revision, resources: resourcesOf(this.#snapshot, type) }
  }

  #view(type: string): TypeView {
    const subscription = this.#subscriptions.get(type)
    if (subscription === undefined) return { busy: false, upserts: false, removals: false, parked: false }
    return {
      busy: subscription.outstanding !== undefined,
      upserts: subscription.look().upserts.length > 0,
      removals: subscription.look().removals.length + subscription.look().shrinks.length > 0,
      parked: subscription.hasParked,
    }
  }

  /**
   * While a cluster warms, an Envoy that reconnects asks for everything but clusters. The endpoints that it
   * claims may then have come before the cluster, so they are sent anew, which ends the warming.
   */
  #mayWarm(type: string): boolean {
    return type === typeUrls.endpoints && !this.#subscriptions.has(typeUrls.cluster)
  }

  /**
   * In the same situation listeners and routes wait: the request for clusters follows once they are warm. And
   * before it has asked for listeners, an Envoy that came back may be serving by clusters that are gone.
   */
  #awaited(): Awaited {
    const back = this.#returning && resourcesOf(this.#snapshot, typeUrls.listener).size > 0
    return {
      clusters: !this.#subscriptions.has(typeUrls.cluster) && this.#usesClusters(),
      listeners: this.#returning && !this.#subscriptions.has(typeUrls.listener),
      routes: back && !this.#subscriptions.has(typeUrls.route),
    }
  }

  /** It asks for endpoints, and clusters are where it knows their names from. */
  #usesClusters(): boolean {
    const clusters = resourcesOf(this.#snapshot, typeUrls.cluster)
    const names = [...(this.#subscriptions.get(typeUrls.endpoints)?.interest.names ?? [])]
    return names.length > 0 && (this.#memory.askedForClusters || names.some((name) => clusters.has(name)))
  }
}
