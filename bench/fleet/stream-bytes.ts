import { join } from 'node:path'
import { print } from '../table.ts'
import { FleetOf } from './fleet-of.ts'
import { verdict } from './goals.ts'
import { resources, worldOf, writeResources } from './resources.ts'
import { startXds } from './servers.ts'

const aimKib = 40

/** What a stream that has everything takes beside the snapshot. They join a few at a time, so that no peak is in it. */
export async function measureStreamBytes(options: {
  folder: string
  size: number
  envoys: number
}): Promise<string[][]> {
  const { folder, size, envoys } = options
  const rows: string[][] = []
  for (const protocol of ['delta', 'sotw'] as const) {
    const served = resources(size)
    const file = join(folder, 'bytes')
    writeResources(file, served)
    const server = await startXds(file)
    const fleet = new FleetOf()
    const world = worldOf(served, server.port, protocol)
    // The first ones make what all share, and what only a start needs gives way. and give way what only a start needs.
    await fleet.join(world, 50, 4)
    for (let round = 0; round < 3; round++) await server.memory()
    const before = await server.memory()
    await fleet.join(world, envoys, 4)
    const after = await server.memory()
    await fleet.leave()
    await server.end()
    const kib = (bytes: number) => bytes / envoys / 1_024
    const used = kib(after.used - before.used)
    const pages = kib(after.rss - before.rss)
    print(`bytes of a stream, ${protocol}: ${used.toFixed(1)} KiB used, ${pages.toFixed(1)} KiB of pages`)
    const text = `${used.toFixed(1)} KiB (${pages.toFixed(1)} KiB of pages)`
    const aim = `<= ${aimKib} KiB: ${verdict(used <= aimKib)}`
    rows.push([`a stream beyond the snapshot, ${size} resources of each, ${protocol}`, text, '-', '-', aim])
  }
  return rows
}
