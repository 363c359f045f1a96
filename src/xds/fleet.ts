import { bounds } from './bounds.ts'
import { put } from './memory.ts'
import type { Identity } from './node.ts'
import type { DeliveryState, Nack, TypeState } from './session.ts'
import type { Variant } from './variant.ts'

/** An Envoy as `GET /v1/fleet` shows it. */
export interface FleetItem {
  readonly gateway: string
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
  readonly version: string
  /** What the bootstrap announced, else the address that the stream came from. */
  readonly addresses: readonly string[]
  readonly state: 'connected' | 'disconnected' | 'refused'
  /** The variant of ADS that it speaks (spoke); absent when it was refused. */
  readonly protocol?: Variant['name']
  /** `address:port` of the stream's other end. */
  readonly peer: string
  /** RFC 3339; of the newest stream, or of the refusal. */
  readonly connectedAt: string
  readonly disconnectedAt?: string
  /** By short type (`cluster`, `endpoints`, `listener`, `route`); as they were when it left. */
  readonly types: Readonly<Record<string, TypeState>>
  readonly lastNack: LastNack | null
  /** Why it was refused or left. */
  readonly reason?: string
}

export interface LastNack {
  readonly type: string
  /** Names in the response that was refused; one name once the culprit is found. */
  readonly resources: readonly string[]
  readonly error: string
  readonly at: string
  /** When the Envoy had everything of this type again; absent while it has not, and when it left before. */
  readonly resolvedAt?: string
}

/** What the fleet asks of a stream that is being served. */
export interface StreamView {
  readonly protocol: Variant['name']
  /** Revision of the snapshot that the stream converges to. */
  revision(): number
  types(): Record<string, TypeState>
  delivery(): { state: DeliveryState; nacks: Nack[] }
}

/** How a stream tells the fleet about itself. */
export interface StreamHandle {
  /** Something was answered or asked: waiting receipts may be due. */
  changed(): void
  nacked(nack: Pick<LastNack, 'type' | 'resources' | 'error'>): void
  left(reason: string): void
}

/** One connected Envoy and its live stream. */
export interface Connected {
  readonly gateway: string
  readonly id: string
  readonly peer: string
  readonly view: StreamView
}

/** An Envoy with a live stream, and what it says of where it is. */
export interface StreamPlace {
  readonly gateway: string
  readonly id: string
  /** As its bootstrap announces them. */
  readonly addresses: readonly string[]
  /** Address of the stream's other end, without its port. */
  readonly peer: string
}

interface Entry {
  readonly place: StreamPlace
  item: FleetItem
  view: StreamView | undefined
  /** When the item may be forgotten, in milliseconds. */
  until: number
}

/**
 * The registry of Envoys, by gateway and node id. Every live stream is an Envoy of its own: two of one id may be two
 * Envoys, whatever their bootstraps say, and each must be served and seen. An id of which none is left, or that was
 * refused, is remembered for ten minutes, in bounded number. `now` gives milliseconds since 1970; `onChange` names the gateway concerned.
 */
export class Fleet {
  readonly #now: () => number
  readonly #onChange: (gateway: string) => void
  readonly #followers = new Set<() => void>()
  /** By gateway. */
  readonly #connected = new Map<string, Set<Entry>>()
  readonly #views = new Set<StreamView>()
  readonly #departed = new Map<string, Entry>()
  readonly #refused = new Map<string, Entry>()

  constructor(now: () => number, onChange: (gateway: string) => void = () => {}) {
    this.#now = now
    this.#onChange = onChange
  }

  /** Every Envoy that is known, ordered by gateway and id; of one id, the one that came first is first. */
  list(): FleetItem[] {
    this.#forgetOld()
    const connected = [...this.#connected.values()].flatMap((entries) => [...entries])
    const entries = [...connected, ...this.#departed.values(), ...this.#refused.values()]
    return entries.map(itemOf).sort((a, b) => order(a.gateway, b.gateway) || order(a.id, b.id))
  }

  /** The Envoys with a live stream, of one gateway. */
  connected(gateway: string): Connected[] {
    return [...(this.#connected.get(gateway) ?? [])].map(({ item: { id, peer }, view }) => {
      return { gateway, id, peer, view: view! }
    })
  }

  /** Whether the stream is live. */
  serves(view: StreamView): boolean {
    return this.#views.has(view)
  }

  /** Where each Envoy with a live stream is. */
  places(): StreamPlace[] {
    return [...this.#connected.values()].flatMap((entries) => [...entries].map(({ place }) => place))
  }

  /** Calls back whenever a stream begins or ends. */
  follow(listener: () => void): void {
    this.#followers.add(listener)
  }

  connect(identity: Identity, peer: string, view: StreamView): StreamHandle {
    const { gateway, id } = identity
    const lastNack = this.#departed.get(key(gateway, id))?.item.lastNack ?? null
    const { protocol } = view
    const item = { ...this.#item(identity, peer, 'connected'), protocol, lastNack }
    const entry: Entry = { place: placeOf(identity, peer), item, view, until: 0 }
    this.#views.add(view)
    this.#departed.delete(key(gateway, id))
    this.#refused.delete(key(gateway, id))
    this.#connected.set(gateway, (this.#connected.get(gateway) ?? new Set<Entry>()).add(entry))
    this.#onChange(gateway)
    this.#tellFollowers()
    return {
      changed: () => {
        this.#resolve(entry)
        this.#onChange(gateway)
      },
      nacked: ({ type, resources, error }) => {
        const names = resources.slice(0, bounds.nackNames)
        entry.item = { ...entry.item, lastNack: { type, resources: names, error, at: this.#timestamp() } }
      },
      left: (reason) => this.#depart(entry, reason),
    }
  }

  /** A refusal is over once its type is whole again, be it by another version or by the same one. */
  #resolve(entry: Entry): void {
    const { lastNack } = entry.item
    if (lastNack === null || lastNack.resolvedAt !== undefined) return
    if (entry.view?.types()[lastNack.type]?.state !== 'acked') return
    entry.item = { ...entry.item, lastNack: { ...lastNack, resolvedAt: this.#timestamp() } }
  }

  refuse(identity: Identity, peer: string, reason: string): void {
    const item = { ...this.#item(identity, peer, 'refused'), reason }
    const at = key(identity.gateway, identity.id)
    this.#departed.delete(at)
    const until = this.#now() + bounds.rememberedMs
    const entry = { place: placeOf(identity, peer), item, view: undefined, until }
    put(this.#refused, at, entry, bounds.refused)
  }

  #depart(entry: Entry, reason: string): void {
    const { gateway, id } = entry.item
    const entries = this.#connected.get(gateway)
    if (entries?.delete(entry) !== true) return
    this.#views.delete(entry.view!)
    if (entries.size === 0) this.#connected.delete(gateway)
    const alone = ![...entries].some(({ item }) => item.id === id)
    if (alone) this.#remember(entry, reason)
    this.#onChange(gateway)
    this.#tellFollowers()
  }

  #tellFollowers(): void {
    for (const follower of this.#followers) follower()
  }

  #remember(entry: Entry, reason: string): void {
    const { gateway, id } = entry.item
    entry.item = { ...itemOf(entry), state: 'disconnected', disconnectedAt: this.#timestamp(), reason }
    entry.view = undefined
    entry.until = this.#now() + bounds.rememberedMs
    put(this.#departed, key(gateway, id), entry, bounds.departed)
  }

  #item(identity: Identity, peer: string, state: FleetItem['state']): FleetItem {
    const { gateway, id, labels, version } = identity
    const place = placeOf(identity, peer)
    const addresses = place.addresses.length > 0 ? place.addresses : [place.peer]
    const connectedAt = this.#timestamp()
    return { gateway, id, labels, version, addresses, state, peer, connectedAt, types: {}, lastNack: null }
  }

  #forgetOld(): void {
    for (const entries of [this.#departed, this.#refused]) {
      for (const [at, { until }] of entries) if (until <= this.#now()) entries.delete(at)
    }
  }

  #timestamp(): string {
    return new Date(this.#now()).toISOString()
  }
}

function placeOf({ gateway, id, addresses }: Identity, peer: string): StreamPlace {
  const address = peer.slice(0, peer.lastIndexOf(':'))
  // A socket for both families shows IPv4 peers as IPv6 addresses (RFC 4291, section 2.5.5.2).
  return { gateway, id, addresses, peer: address.replace(/^::ffff:(?=\d+\.)/, '') }
}

function itemOf({ item, view }: Entry): FleetItem {
  return view === undefined ? item : { ...item, types: view.types() }
}

function key(gateway: string, id: string): string {
  return JSON.stringify([gateway, id])
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
