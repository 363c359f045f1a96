import type { FleetItem } from './fleet-item.ts'

/** The Envoys of this replica and of the others, ordered by gateway and id; of one id, the one that came first is first. */
export function fleetList(own: readonly FleetItem[], elsewhere: readonly FleetItem[]): FleetItem[] {
  const items = elsewhere.length === 0 ? own : withoutMoved([...own, ...elsewhere])
  return items.toSorted((a, b) => order(a.gateway, b.gateway) || order(a.id, b.id))
}

/** Whoever left one replica for another is there alone. */
function withoutMoved(items: readonly FleetItem[]): FleetItem[] {
  const connected = new Set(items.filter(({ state }) => state === 'connected').map(keyOf))
  const newest = new Map<string, string>()
  for (const item of items) {
    const [key, at] = [keyOf(item), lastSeen(item)]
    if (at > (newest.get(key) ?? '')) newest.set(key, at)
  }
  return items.filter((item) => {
    if (item.state === 'connected') return true
    return !connected.has(keyOf(item)) && lastSeen(item) === newest.get(keyOf(item))
  })
}

function lastSeen({ disconnectedAt, connectedAt }: FleetItem): string {
  return disconnectedAt ?? connectedAt
}

function keyOf({ gateway, id }: FleetItem): string {
  return JSON.stringify([gateway, id])
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
