import { bounds } from './bounds.ts'
import { type Connected, type Elsewhere, nowhere, type OwnEnvoy, type StreamPlace } from './connected.ts'
import type { FleetItem } from './fleet-item.ts'
import { fleetList } from './fleet-list.ts'
import { happenings } from './happening.ts'
import { put } from './memory.ts'
import type { Identity } from './node.ts'
import type { OwnView, StreamHandle } from './stream-view.ts'
import { inherited, isOnTheWay, noted, outcomeOf, type Track } from './track.ts'
import type { FleetNews, News, Traveller } from './traveller.ts'

interface Entry extends OwnEnvoy {
  readonly place: StreamPlace
  item: FleetItem
  view: OwnView | undefined
  changes: number
  track: Track
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
  readonly #listeners = new Set<(news: FleetNews) => void>()
  /** By gateway. */
  readonly #connected = new Map<string, Set<Entry>>()
  readonly #departed = new Map<string, Entry>()
  readonly #refused = new Map<string, Entry>()
  /** The name of this replica among several. */
  #replica: string | undefined
  #elsewhere = nowhere

  constructor(now: () => number, onChange: (gateway: string) => void = () => {}) {
    this.#now = now
    this.#onChange = onChange
  }

  /** Every Envoy that is known, ordered by gateway and id; of one id, the one that came first is first. */
  list(): FleetItem[] {
    const replica = this.#replica === undefined ? {} : { replica: this.#replica }
    const own = this.#entries().map((entry) => ({ ...itemOf(entry), ...replica }))
    return fleetList(own, this.#elsewhere.list())
  }

  /** Every Envoy that this replica knows by itself. */
  own(): readonly OwnEnvoy[] {
    return this.#entries()
  }

  #entries(): Entry[] {
    this.#forgetOld()
    const connected = [...this.#connected.values()].flatMap((entries) => [...entries])
    return [...connected, ...this.#departed.values(), ...this.#refused.values()]
  }

  /** The Envoys with a live stream, of one gateway: those of this replica, then those of the others. */
  connected(gateway: string): Connected[] {
    const shared = {
      gateway,
      isElsewhere: false,
      ...(this.#replica !== undefined && { replica: this.#replica }),
    }
    const own = [...(this.#connected.get(gateway) ?? [])].map(({ item: { id, labels, peer }, view }) => {
      return { ...shared, id, labels, peer, view: view! }
    })
    return [...own, ...this.#elsewhere.connected(gateway)]
  }

  /** The ids of the gateway's Envoys whose streams this replica has. */
  here(gateway: string): Set<string> {
    return new Set([...(this.#connected.get(gateway) ?? [])].map(({ item }) => item.id))
  }

  /** This replica, of that name, is one of several: those of the others belong to the fleet from now on. */
  share(replica: string, elsewhere: Elsewhere): void {
    this.#replica = replica
    this.#elsewhere = elsewhere
  }

  /** The Envoys of a gateway whose last stream ended within so many milliseconds: they may be on their way back. */
  away(gateway: string, withinMs: number): { id: string; labels: Readonly<Record<string, string>> }[] {
    const since = this.#now() + bounds.rememberedMs - withinMs
    return [...this.#departed.values()]
      .filter(({ item, until }) => item.gateway === gateway && until > since)
      .map(({ item: { id, labels } }) => ({ id, labels }))
  }

  /** Whether any of a gateway's Envoys accepted this version of a resource, and has it, or fell back to it. */
  accepted(gateway: string, type: string, name: string, version: string): boolean {
    const entries = [...(this.#connected.get(gateway) ?? [])]
    return entries.some(({ view }) => view?.accepted?.(type, name, version) === true)
  }

  /** The Envoys of one gateway, as of now: those with a live stream, then those that left lately. */
  travellers(gateway: string): Traveller[] {
    this.#forgetOld()
    const connected = [...(this.#connected.get(gateway) ?? [])]
    for (const entry of connected) this.#note(entry)
    const departed = [...this.#departed.values()].filter(({ item }) => item.gateway === gateway)
    const replica = this.#replica === undefined ? {} : { replica: this.#replica }
    return [...connected, ...departed].map((entry) => ({ ...envoyOf(entry), ...replica, track: entry.track }))
  }

  /**
   * Looks for an Envoy of these gateways that is on its way to the revision, among the last ones first, since those are sent
   * to last; answers with a function that says whether it still is.
   */
  straggler(gateways: readonly string[], revision: number): (() => boolean) | undefined {
    for (const gateway of gateways) {
      const entries = this.#connected.get(gateway) ?? new Set<Entry>()
      const isBehind = (entry: Entry) => entries.has(entry) && isOnTheWay(outcomeOf(entry.track, revision))
      const found = [...entries].reverse().find(isBehind)
      if (found !== undefined) return () => isBehind(found)
    }
    return undefined
  }

  /** Where each Envoy with a live stream is. */
  places(): StreamPlace[] {
    return [...this.#connected.values()].flatMap((entries) => [...entries].map(({ place }) => place))
  }

  /** Calls back whenever a stream begins or ends. */
  follow(listener: () => void): void {
    this.#followers.add(listener)
  }

  /** Calls back with what happens to each Envoy, in order. */
  watch(listener: (news: FleetNews) => void): void {
    this.#listeners.add(listener)
  }

  connect(identity: Identity, peer: string, view: OwnView): StreamHandle {
    const { gateway, id, version } = identity
    const earlier = this.#departed.get(key(gateway, id))
    const { protocol } = view
    const lastNack = earlier?.item.lastNack ?? null
    const item = { ...this.#item(identity, peer, 'connected'), protocol, lastNack }
    const place = placeOf(identity, peer)
    const entry: Entry = { place, item, view, changes: 0, track: earlier?.track ?? [], until: 0 }
    this.#departed.delete(key(gateway, id))
    this.#refused.delete(key(gateway, id))
    this.#connected.set(gateway, (this.#connected.get(gateway) ?? new Set<Entry>()).add(entry))
    this.#tell(entry, { kind: 'connected', version, protocol })
    this.#onChange(gateway)
    this.#tellFollowers()
    return {
      changed: () => {
        entry.changes++
        this.#note(entry)
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

  /** Looks how far the stream is; what it had and has is told. */
  #note(entry: Entry): void {
    const before = entry.track
    const now = this.#now()
    entry.track = noted(before, entry.view!.progress(), now)
    if (entry.track === before || this.#listeners.size === 0) return
    for (const happening of happenings(before, entry.track)) this.#tell(entry, happening, now)
  }

  #tell(entry: Entry, news: News, at = this.#now()): void {
    const told = { at, envoy: envoyOf(entry), ...news }
    for (const listener of this.#listeners) listener(told)
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
    const entry = { place: placeOf(identity, peer), item, view: undefined, changes: 0, track: [], until }
    put(this.#refused, at, entry, bounds.refused)
  }

  #depart(entry: Entry, reason: string): void {
    const { gateway, id } = entry.item
    const entries = this.#connected.get(gateway)
    if (entries?.delete(entry) !== true) return
    if (entries.size === 0) this.#connected.delete(gateway)
    const other = [...entries].find(({ item }) => item.id === id)
    if (other === undefined) this.#remember(entry, reason)
    else other.track = inherited(entry.track, other.track)
    this.#tell(entry, { kind: 'disconnected', reason })
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

function envoyOf({ item: { gateway, id, peer, disconnectedAt } }: Entry): Omit<Traveller, 'track'> {
  return { gateway, id, peer, ...(disconnectedAt === undefined ? {} : { disconnectedAt }) }
}

function itemOf({ item, view }: Entry): FleetItem {
  if (view === undefined) return item
  const drift = view.deviations?.().length ?? 0
  return { ...item, types: view.types(), ...(drift > 0 && { drift }) }
}

function key(gateway: string, id: string): string {
  return JSON.stringify([gateway, id])
}
