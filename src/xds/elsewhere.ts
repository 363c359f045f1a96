import type { Connected, Elsewhere } from './connected.ts'
import type { FleetItem } from './fleet-item.ts'
import { readItem, readSyncStatus, type SyncStatus, viewOf } from './sync-status.ts'

/** What another replica tells of its Envoys: what is new since the version that was known. */
export interface ToldFleet {
  readonly id: string
  readonly name: string
  readonly revision: number
  readonly version: number
  /** The version in which it told all: what was told before that does not hold. */
  readonly base: number
  readonly envoys: readonly { readonly seat: number; readonly item: unknown }[]
  readonly gateways: readonly {
    readonly gateway: string
    readonly groups: readonly { readonly status: unknown; readonly seats?: readonly number[] }[] | null
  }[]
}

/**
 * Whether a replica gives signs of life. `quiet`: not lately, so that an Envoy of it which is seen elsewhere has moved.
 * `silent`: for so long that nothing is known of its Envoys.
 */
export type Life = 'live' | 'quiet' | 'silent'

interface Other {
  name: string
  revision: number
  version: number
  life: Life
  readonly seats: Map<number, FleetItem>
  readonly groups: Map<string, Map<number | 'others', SyncStatus>>
  /** Made of the above when it is asked for. */
  connected: Map<string, readonly Connected[]> | undefined
}

/** The Envoys of the other replicas, put together from what those tell. */
export class Others implements Elsewhere {
  readonly #others = new Map<string, Other>()
  readonly #here: (gateway: string) => ReadonlySet<string>

  /** `here`: the ids of the gateway's Envoys whose streams this replica has. */
  constructor(here: (gateway: string) => ReadonlySet<string>) {
    this.#here = here
  }

  /** By the replica's id, the version up to which it is known. */
  known(): Map<string, number> {
    return new Map([...this.#others].map(([id, { version }]) => [id, version]))
  }

  /** Those that live and have Envoys of these gateways which refuse something, as in `known`. */
  refusing(gateways: readonly string[]): Map<string, number> {
    const refuses = (other: Other) =>
      gateways.some((gateway) => [...(other.groups.get(gateway)?.values() ?? [])].some(isNacked))
    const found = [...this.#others].filter(([, other]) => other.life === 'live' && refuses(other))
    return new Map(found.map(([id, { version }]) => [id, version]))
  }

  /** These are all other replicas. Answers with the gateways whose Envoys are not as they were. */
  merge(told: readonly (ToldFleet & { readonly life: Life })[]): Set<string> {
    const changed = new Set<string>()
    const ids = new Set(told.map(({ id }) => id))
    for (const [id, other] of this.#others) {
      if (ids.has(id)) continue
      for (const gateway of gatewaysOf(other)) changed.add(gateway)
      this.#others.delete(id)
    }
    for (const each of told) for (const gateway of this.#take(each)) changed.add(gateway)
    return changed
  }

  #take(told: ToldFleet & { life: Life }): Set<string> {
    const { id, name, revision, version, base, life } = told
    const before = this.#others.get(id)
    if (before?.version === version && before.life === life) return new Set()
    const gateways = before === undefined ? new Set<string>() : gatewaysOf(before)
    const keeps = before !== undefined && before.version >= base
    const other: Other = {
      ...{ name, revision, version, life, connected: undefined },
      seats: keeps ? before.seats : new Map(),
      groups: keeps ? before.groups : new Map(),
    }
    for (const { seat, item } of told.envoys) {
      const read = item === null ? undefined : readItem(item)
      // Who takes the seat of another comes after those that are there.
      if (read === undefined || isAnother(other.seats.get(seat), read)) other.seats.delete(seat)
      if (read !== undefined) other.seats.set(seat, read)
    }
    for (const { gateway, groups } of told.gateways) {
      if (groups === null) other.groups.delete(gateway)
      else other.groups.set(gateway, readGroups(groups))
    }
    this.#others.set(id, other)
    return gateways.union(gatewaysOf(other))
  }

  connected(gateway: string): Connected[] {
    return [...this.#others.values()].flatMap((other) => {
      const all = connectedOf(other, gateway)
      if (other.life === 'live' || all.length === 0) return all
      const placed = this.#placed(gateway)
      return all.filter(({ id }) => !placed.has(id))
    })
  }

  list(): FleetItem[] {
    const placed = memoized((gateway: string) => this.#placed(gateway))
    return [...this.#others.values()].flatMap((other) => {
      return [...other.seats].flatMap(([seat, item]): FleetItem[] => {
        const { name: replica, life } = other
        if (item.state !== 'connected') return [{ ...item, replica }]
        if (life !== 'live' && placed(item.gateway).has(item.id)) return []
        const status = statusAt(other, item.gateway, seat)
        const { types } = viewOf(status, item.protocol ?? 'delta', other.revision)
        const { lastNack = null } = status
        const reason = `${replica}, which had its stream, gives no sign of life`
        return [
          {
            ...{ ...item, replica, types: types(), lastNack },
            ...(life === 'silent' && { state: 'unknown', reason }),
          },
        ]
      })
    })
  }

  /** The ids of Envoys whose streams are with replicas that live: an Envoy of one that does not has moved there. */
  #placed(gateway: string): Set<string> {
    const live = [...this.#others.values()].filter(({ life }) => life === 'live')
    const ids = live.flatMap((other) => connectedOf(other, gateway).map(({ id }) => id))
    return new Set([...this.#here(gateway), ...ids])
  }
}

function memoized<Value>(make: (key: string) => Value): (key: string) => Value {
  const made = new Map<string, Value>()
  return (key) => {
    const value = made.get(key) ?? make(key)
    made.set(key, value)
    return value
  }
}

function isAnother(before: FleetItem | undefined, item: FleetItem): boolean {
  return before !== undefined && (before.peer !== item.peer || before.connectedAt !== item.connectedAt)
}

function isNacked({ state }: SyncStatus): boolean {
  return state === 'nacked'
}

function gatewaysOf({ groups }: Other): Set<string> {
  return new Set(groups.keys())
}

function readGroups(
  groups: readonly { status: unknown; seats?: readonly number[] }[],
): Map<number | 'others', SyncStatus> {
  return new Map(
    groups.flatMap(({ status, seats = ['others' as const] }) => {
      const read = readSyncStatus(status)
      return seats.map((seat): [number | 'others', SyncStatus] => [seat, read])
    }),
  )
}

const unheard: SyncStatus = { revision: 0, state: 'pending', types: {} }

function statusAt({ groups }: Other, gateway: string, seat: number): SyncStatus {
  const statuses = groups.get(gateway)
  return statuses?.get(seat) ?? statuses?.get('others') ?? unheard
}

function connectedOf(other: Other, gateway: string): readonly Connected[] {
  other.connected ??= allConnected(other)
  return other.connected.get(gateway) ?? []
}

function allConnected(other: Other): Map<string, Connected[]> {
  const { name: replica, life, revision } = other
  const live = [...other.seats].filter(([, { state }]) => state === 'connected')
  const connected = live.map(([seat, { gateway, id, labels, peer, protocol = 'delta' }]): Connected => {
    const view = viewOf(statusAt(other, gateway, seat), protocol, revision)
    const shown =
      life === 'silent' ? { ...view, delivery: () => ({ state: 'unknown' as const, nacks: [] }) } : view
    return { gateway, id, labels, peer, replica, isElsewhere: true, view: shown }
  })
  return Map.groupBy(connected, ({ gateway }) => gateway)
}
