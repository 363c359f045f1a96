import { bounds } from './bounds.ts'
import { createMemories, type NodeMemory, put } from './memory.ts'
import type { Identity } from './node.ts'
import type { DeliveryState, Nack, TypeState } from './session.ts'

/** An Envoy as `GET /v1/fleet` shows it. */
export interface FleetItem {
  readonly gateway: string
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
  readonly version: string
  /** What the bootstrap announced, else the address that the stream came from. */
  readonly addresses: readonly string[]
  readonly state: 'connected' | 'disconnected' | 'refused'
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
}

/** What the fleet asks of a stream that is being served. */
export interface StreamView {
  /** Revision of the snapshot that the stream converges to. */
  revision(): number
  types(): Record<string, TypeState>
  delivery(): { state: DeliveryState; nacks: Nack[] }
}

/** How a stream tells the fleet about itself. */
export interface StreamHandle {
  /** Something was answered or asked: waiting receipts may be due. */
  changed(): void
  nacked(nack: Omit<LastNack, 'at'>): void
  /** Only the newest stream of a node counts; an older one that ends late changes nothing. */
  left(reason: string): void
}

/** One connected Envoy and its live stream. */
export interface Connected {
  readonly gateway: string
  readonly id: string
  readonly view: StreamView
}

interface Entry {
  item: FleetItem
  view: StreamView | undefined
  /** When the item may be forgotten, in milliseconds. */
  until: number
}

/**
 * The registry of Envoys, by gateway and node id. Those that left or were refused are remembered for ten
 * minutes, in bounded number. `now` gives milliseconds since 1970; `onChange` names the gateway concerned.
 */
export class Fleet {
  readonly #now: () => number
  readonly #onChange: (gateway: string) => void
  /** Gateway, then node id. */
  readonly #connected = new Map<string, Map<string, Entry>>()
  readonly #departed = new Map<string, Entry>()
  readonly #refused = new Map<string, Entry>()
  readonly #memories = createMemories()

  constructor(now: () => number, onChange: (gateway: string) => void = () => {}) {
    this.#now = now
    this.#onChange = onChange
  }

  /** Every Envoy that is known, ordered by gateway and id. */
  list(): FleetItem[] {
    this.#forgetOld()
    const connected = [...this.#connected.values()].flatMap((nodes) => [...nodes.values()])
    const entries = [...connected, ...this.#departed.values(), ...this.#refused.values()]
    return entries.map(itemOf).sort((a, b) => order(a.gateway, b.gateway) || order(a.id, b.id))
  }

  /** The Envoys with a live stream, of one gateway. */
  connected(gateway: string): Connected[] {
    return [...(this.#connected.get(gateway)?.values() ?? [])].map(({ item, view }) => ({
      gateway,
      id: item.id,
      view: view!,
    }))
  }

  /** What earlier streams of this node left behind, to be honoured on its new one. */
  memory({ gateway, id, version }: Identity): NodeMemory {
    return this.#memories.of(key(gateway, id), version)
  }

  connect(identity: Identity, peer: string, view: StreamView): StreamHandle {
    const { gateway, id } = identity
    const previous = this.#connected.get(gateway)?.get(id) ?? this.#departed.get(key(gateway, id))
    const lastNack = previous?.item.lastNack ?? null
    const entry: Entry = { item: { ...this.#item(identity, peer, 'connected'), lastNack }, view, until: 0 }
    this.#departed.delete(key(gateway, id))
    this.#refused.delete(key(gateway, id))
    const nodes = this.#connected.get(gateway) ?? new Map<string, Entry>()
    this.#connected.set(gateway, nodes.set(id, entry))
    this.#onChange(gateway)
    return {
      changed: () => this.#onChange(gateway),
      nacked: (nack) => {
        entry.item = { ...entry.item, lastNack: { ...nack, at: this.#timestamp() } }
      },
      left: (reason) => {
        if (this.#connected.get(gateway)?.get(id) === entry) this.#depart(entry, reason)
      },
    }
  }

  refuse(identity: Identity, peer: string, reason: string): void {
    const item = { ...this.#item(identity, peer, 'refused'), reason }
    const at = key(identity.gateway, identity.id)
    this.#departed.delete(at)
    const entry = { item, view: undefined, until: this.#now() + bounds.rememberedMs }
    put(this.#refused, at, entry, bounds.refused)
  }

  #depart(entry: Entry, reason: string): void {
    const { gateway, id } = entry.item
    const nodes = this.#connected.get(gateway)!
    nodes.delete(id)
    if (nodes.size === 0) this.#connected.delete(gateway)
    entry.item = { ...itemOf(entry), state: 'disconnected', disconnectedAt: this.#timestamp(), reason }
    entry.view = undefined
    entry.until = this.#now() + bounds.rememberedMs
    put(this.#departed, key(gateway, id), entry, bounds.departed)
    this.#onChange(gateway)
  }

  #item(identity: Identity, peer: string, state: FleetItem['state']): FleetItem {
    const { gateway, id, labels, version } = identity
    const addresses =
      identity.addresses.length > 0 ? identity.addresses : [peer.slice(0, peer.lastIndexOf(':'))]
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

function itemOf({ item, view }: Entry): FleetItem {
  return view === undefined ? item : { ...item, types: view.types() }
}

function key(gateway: string, id: string): string {
  return `${gateway} ${id}`
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
