import { type Announcement, announcementKey, type KnownAnnouncement } from '../model/announcement.ts'
import { compareNames } from '../model/state.ts'

/** Where the Envoys of each gateway are; a gateway without any is not in it. */
export type Announced = ReadonlyMap<string, readonly Announcement[]>

/**
 * Puts together what all replicas know, and what this one knows better: who has a stream here, and whose just ended.
 * An Envoy without a stream counts until it is forgotten, unless one of its id has a stream: then it came back,
 * perhaps elsewhere.
 */
export function announcedBy(options: {
  known: readonly KnownAnnouncement[]
  left: readonly Announcement[]
  present: readonly Announcement[]
}): Announced {
  const { known, left, present } = options
  const all = new Map<string, KnownAnnouncement>()
  const add = (announcement: Announcement, live: boolean) =>
    all.set(announcementKey(announcement), { ...announcement, live })
  for (const each of known) add(each, each.live)
  for (const each of left) add(each, false)
  for (const each of present) add(each, true)
  const live = new Set([...all.values()].filter((each) => each.live).map(nodeKey))
  const counted = [...all].filter(([, each]) => each.live || !live.has(nodeKey(each)))
  const sorted = counted.sort(([a], [b]) => compareNames(a, b)).map(([, each]) => bare(each))
  return Map.groupBy(sorted, ({ gateway }) => gateway)
}

/** The gateways whose Envoys are elsewhere in one of two values than in the other. */
export function movedGateways(before: Announced, after: Announced): Set<string> {
  const text = (value: Announced, gateway: string) => JSON.stringify(value.get(gateway))
  const names = new Set([...before.keys(), ...after.keys()])
  return new Set([...names].filter((name) => text(before, name) !== text(after, name)))
}

function bare({ gateway, node, addresses, peer }: Announcement): Announcement {
  return { gateway, node, addresses, peer }
}

function nodeKey({ gateway, node }: Announcement): string {
  return JSON.stringify([gateway, node])
}
