import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createLooks } from '../feed/looks.ts'
import {
  type Announcement,
  type AnnouncementExchange,
  announcementKey,
  type KnownAnnouncement,
  readAnnouncement,
} from '../model/announcement.ts'
import type { Observe } from '../observe.ts'
import type { StreamPlace } from '../xds/connected.ts'
import { type Announced, announcedBy, movedGateways } from './announced.ts'
import { tellFault } from './fault.ts'

/** How long an Envoy without a stream counts: it still serves, and may be on its way to another replica. */
export const defaultGraceMs = 5 * 60_000

/** Envoys come by the hundred when weir was restarted; they are looked at together. */
const gatherMs = 100
/** Between the first looks at a start, until one succeeds. */
const retryMs = 1_000
/** Envoys that left and are not written down yet, while the database is away. */
const maxUnwritten = 10_000

/** The table that all replicas share, as `store/announcements.ts` serves it. */
export type AnnouncementTable = (exchange: AnnouncementExchange) => Promise<readonly KnownAnnouncement[]>

export interface AnnouncementsOptions {
  fleet: { places(): StreamPlace[]; follow(listener: () => void): void }
  table: AnnouncementTable
  /** Called for every value that differs from the one before, with the gateways whose Envoys are elsewhere now. */
  onChange(announced: Announced, gateways: ReadonlySet<string>): void
  observe: Observe
  graceMs?: number
  /** Gives up the start. */
  signal?: AbortSignal
}

export interface Announcements {
  /** Asks for a look at the table now; at most one is under way and at most one is pending. */
  hint(): void
  close(): Promise<void>
}

type ByKey = ReadonlyMap<string, Announcement>

/**
 * Knows where the Envoys of every gateway are: those of this replica by their streams, the others by the table.
 *
 * An Envoy goes on serving when its stream is lost, so it counts until `graceMs` after a replica last had its stream.
 * Only a replica that watched the table for all that time without a gap takes one away: one that was just started, or
 * was cut off from the database, cannot tell who is gone from who is not back yet.
 *
 * Resolves after the first look that succeeded, so that nothing is compiled without what was known before a restart.
 */
export async function createAnnouncements(options: AnnouncementsOptions): Promise<Announcements> {
  const { fleet, table, onChange, observe, graceMs = defaultGraceMs, signal } = options
  const refreshMs = graceMs / 10
  const replica = randomUUID()
  const presentIn = createReader(observe)
  let present: ByKey = new Map()
  /** Those of this replica that the table has. */
  let told: ByKey = new Map()
  /** Those that left this replica since. */
  let left: ByKey = new Map()
  let known: readonly KnownAnnouncement[] = []
  let value: Announced = new Map()
  /** Since when every look succeeded, and when all was told last; monotonic milliseconds. */
  let watchingSince: number | undefined
  let refreshedAt = Number.NEGATIVE_INFINITY
  let gathering: NodeJS.Timeout | undefined
  let closed = false

  function lookAtStreams(): void {
    gathering = undefined
    const before = present
    present = presentIn(fleet.places())
    left = unwritten([...left, ...before])
    revalue()
    hint()
  }

  /** Those that are not here any more; a bounded number, the newest. */
  function unwritten(entries: readonly [string, Announcement][]): ByKey {
    return new Map([...new Map(entries)].filter(([key]) => !present.has(key)).slice(-maxUnwritten))
  }

  function revalue(): void {
    const next = announcedBy({ known, left: [...left.values()], present: [...present.values()] })
    const gateways = movedGateways(value, next)
    if (gateways.size === 0) return
    value = next
    for (const gateway of gateways) {
      observe({ event: 'envoys_announced', gateway, envoys: next.get(gateway)?.length ?? 0 })
    }
    onChange(value, gateways)
  }

  async function exchange(): Promise<void> {
    const now = performance.now()
    const due = now - refreshedAt >= refreshMs
    const watched = watchingSince !== undefined && now - watchingSince >= graceMs
    const [here, gone] = [present, left]
    const joined = [...here].filter(([key]) => !told.has(key))
    left = new Map()
    try {
      known = await table({
        replica,
        present: (due ? [...here] : joined).map(([, announcement]) => announcement),
        left: [...gone.values()],
        tell: joined.length + gone.size > 0,
        staleMs: 3 * refreshMs,
        ...(watched && { olderMs: graceMs }),
      })
      told = here
      watchingSince ??= now
      if (due) refreshedAt = now
    } catch (error) {
      watchingSince = undefined
      left = unwritten([...gone, ...left])
      tellFault(observe, 'addresses of the Envoys', error)
    }
  }

  const { look, ended } = createLooks(async () => {
    if (closed) return
    await exchange()
    revalue()
  })
  const hint = () => void look()

  for (await exchange(); watchingSince === undefined; await exchange()) {
    await delay(retryMs, undefined, { ...(signal && { signal }) })
  }
  revalue()
  fleet.follow(() => {
    gathering ??= closed ? undefined : setTimeout(lookAtStreams, gatherMs)
  })
  const timer = setInterval(hint, refreshMs)
  return {
    hint,
    async close() {
      closed = true
      clearTimeout(gathering)
      clearInterval(timer)
      await ended()
    },
  }
}

/** Reads what the Envoys of this replica announce, each once; what counts for nothing is told, once a stream. */
function createReader(observe: Observe): (places: readonly StreamPlace[]) => ByKey {
  const read = new WeakMap<StreamPlace, [string, Announcement][]>()

  function entriesOf(place: StreamPlace): [string, Announcement][] {
    const before = read.get(place)
    if (before !== undefined) return before
    const { announcement, ignored } = readAnnouncement(place)
    const { gateway, id: node } = place
    for (const each of ignored) observe({ event: 'address_ignored', gateway, node, ...each })
    const entries: [string, Announcement][] =
      announcement === undefined ? [] : [[announcementKey(announcement), announcement]]
    read.set(place, entries)
    return entries
  }

  return (places) => new Map(places.flatMap(entriesOf))
}
