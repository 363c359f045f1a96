import { askAdmin } from './envoy-admin.ts'

const path = `/stats?filter=${encodeURIComponent('^listener\\..+\\.downstream_cx_active$')}`

/**
 * Open connections of an Envoy by its listeners' names, which end in `@` and the address. Envoy names its stats by the
 * address, and counts those of a listener that drains with those of the one that took its place. `undefined` where the
 * admin interface does not answer.
 */
export async function openConnections(adminPort: number): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const [stats, listeners] = await Promise.all([
      askAdmin(adminPort, path),
      askAdmin(adminPort, '/listeners'),
    ])
    const byAddress = new Map(
      [...stats.matchAll(/^listener\.(.+)\.downstream_cx_active: (\d+)$/gm)].map(([, address, value]) => [
        address!,
        Number(value),
      ]),
    )
    // `name::address`; a name of ours has no `::` but in the address itself.
    const names = listeners.split('\n').flatMap((line) => /^(.+@\S+?:\d+)::/.exec(line)?.[1] ?? [])
    return new Map(names.map((name) => [name, byAddress.get(statName(name)) ?? 0]))
  } catch {
    return undefined
  }
}

function statName(listener: string): string {
  return listener.slice(listener.lastIndexOf('@') + 1).replaceAll(':', '_')
}
