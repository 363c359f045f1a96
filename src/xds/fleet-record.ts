import type { OwnEnvoy } from './connected.ts'
import type { Fleet } from './fleet.ts'
import type { FleetItem } from './fleet-item.ts'
import { type SyncStatus, syncStatusOf } from './sync-status.ts'

/** What is new of this replica's Envoys, for the other replicas. */
export interface RecordNews {
  /** The newest revision that an Envoy of this replica stands on. */
  readonly revision: number
  readonly envoys: readonly { readonly seat: number; readonly item: unknown }[]
  readonly gateways: readonly { readonly gateway: string; readonly groups: Groups | null }[]
}

type Groups = readonly { readonly status: unknown; readonly seats?: readonly number[] }[]

/** Bytes of JSON that one gateway may take; beyond them what was refused is told at its own replica alone. */
const maxGroupBytes = 1024 * 1024

interface Seat {
  readonly number: number
  readonly gateway: string
  /** The value from which it was told who has it, and that as JSON. */
  item: FleetItem | undefined
  text: string
  /** Of the Envoy, when it was last looked at. */
  changes: number
  /** How far it is, as JSON; nothing without a stream. */
  status: string | undefined
}

/**
 * What this replica tells the others of its Envoys. Each has a seat, a number, which is told when the Envoy comes or
 * goes. How far they are is told by gateway: those that stand alike are a group, which says so once and lists its seats,
 * but for the largest, which has all that are in no other. So an edit is one row a gateway, however many Envoys it has.
 * An Envoy is looked at again where something happened to it.
 */
export class FleetRecord {
  readonly #fleet: Pick<Fleet, 'own'>
  readonly #seats = new Map<OwnEnvoy, Seat>()
  /** As last told, by gateway. */
  readonly #told = new Map<string, string>()
  #free: number[] = []
  #revision = 0

  constructor(fleet: Pick<Fleet, 'own'>) {
    this.#fleet = fleet
  }

  /** What is new since the last call. */
  news(): RecordNews {
    const own = this.#fleet.own()
    const revision = own.reduce((newest, { view }) => Math.max(newest, view?.revision() ?? 0), 0)
    const isOther = revision !== this.#revision
    this.#revision = revision
    const moved = new Set<string>()
    // A seat that is free may be taken again at once: who left it is not told then.
    const told = new Map<number, unknown>()
    for (const seat of this.#vacate(new Set(own), moved)) told.set(seat, null)
    for (const envoy of own) {
      const seat = this.#seatOf(envoy)
      if (renew(seat, envoy)) told.set(seat.number, JSON.parse(seat.text))
      if (isOther || seat.changes !== envoy.changes || envoy.view === undefined) {
        if (advance(seat, envoy, revision)) moved.add(seat.gateway)
      }
    }
    const envoys = [...told].map(([seat, item]) => ({ seat, item }))
    return { revision, envoys, gateways: this.#groups(moved) }
  }

  /** What was told is lost: the next news are all that there is. */
  forget(): void {
    this.#seats.clear()
    this.#told.clear()
    this.#free = []
  }

  /** Frees the seats of those that are remembered no longer. */
  #vacate(own: ReadonlySet<OwnEnvoy>, moved: Set<string>): number[] {
    const left = [...this.#seats].filter(([envoy]) => !own.has(envoy))
    for (const [envoy, { number, gateway, status }] of left) {
      this.#seats.delete(envoy)
      this.#free.push(number)
      if (status !== undefined) moved.add(gateway)
    }
    return left.map(([, { number }]) => number)
  }

  #seatOf(envoy: OwnEnvoy): Seat {
    const known = this.#seats.get(envoy)
    if (known !== undefined) return known
    const number = this.#free.pop() ?? this.#seats.size
    const { gateway } = envoy.item
    const seat = { number, gateway, item: undefined, text: '', changes: -1, status: undefined }
    this.#seats.set(envoy, seat)
    return seat
  }

  #groups(moved: ReadonlySet<string>): RecordNews['gateways'] {
    if (moved.size === 0) return []
    const seats = [...this.#seats.values()].filter((seat) => moved.has(seat.gateway))
    const byGateway = Map.groupBy(
      seats.filter(({ status }) => status !== undefined),
      ({ gateway }) => gateway,
    )
    return [...moved].flatMap((gateway) => {
      const groups = groupsOf(byGateway.get(gateway) ?? [])
      const text = JSON.stringify(groups)
      if (this.#told.get(gateway) === text) return []
      if (groups === null) this.#told.delete(gateway)
      else this.#told.set(gateway, text)
      return [{ gateway, groups }]
    })
  }
}

/** Whether who has the seat is to be told anew. How far a connected one is, and what it refused, is told by its group. */
function renew(seat: Seat, { item, view }: OwnEnvoy): boolean {
  if (seat.item === item) return false
  seat.item = item
  const { lastNack, types, ...who } = item
  const text = JSON.stringify(view === undefined ? item : who)
  if (text === seat.text) return false
  seat.text = text
  return true
}

/** Whether the Envoy stands otherwise than before. */
function advance(seat: Seat, { item, view, changes }: OwnEnvoy, newest: number): boolean {
  seat.changes = changes
  const before = seat.status
  seat.status = view === undefined ? undefined : JSON.stringify(syncStatusOf(item, view, newest))
  return seat.status !== before
}

function groupsOf(seats: readonly Seat[]): Groups | null {
  if (seats.length === 0) return null
  const groups = [...Map.groupBy(seats, ({ status }) => status!)]
  const bytes = groups.reduce((sum, [status]) => sum + status.length, 0)
  const largest = groups.reduce((most, each) => (each[1].length > most[1].length ? each : most))
  return groups.map((group) => {
    const [text, members] = group
    const status = JSON.parse(text) as SyncStatus
    const { nacks, lastNack, ...bare } = status
    return {
      status: bytes > maxGroupBytes ? bare : status,
      ...(group !== largest && { seats: members.map(({ number }) => number) }),
    }
  })
}
