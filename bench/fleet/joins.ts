import { join } from 'node:path'
import { cpuOf } from '../cpu.ts'
import { quantile } from '../quantile.ts'
import { print } from '../table.ts'
import type { Protocol } from './envoy.ts'
import { FleetOf } from './fleet-of.ts'
import { ratioOf, verdict } from './goals.ts'
import { resources, worldOf, writeResources } from './resources.ts'
import { peakOf, type Server, startReference, startXds } from './servers.ts'

export interface JoinOptions {
  /** For files. */
  folder: string
  /** Program of the reference, where there is one. */
  reference: string | undefined
  envoys: number
  /** Resources of each of the three types. */
  size: number
  protocol: Protocol
}

interface Measured {
  lastMs: number
  medianMs: number
  serverCpuMs: number
  clientCpuMs: number
  peakMib: number
}

/** All Envoys join at once: how long until the last has everything, and what that takes. */
export async function measureJoins(options: JoinOptions): Promise<string[][]> {
  const { folder, reference, size, protocol, envoys } = options
  const file = join(folder, `${size}`)
  const served = resources(size)
  writeResources(file, served)
  async function measure(server: Server): Promise<Measured> {
    const fleet = new FleetOf()
    const cpu = cpuOf(server.pid)
    const { milliseconds, cpuMs } = await fleet.join(worldOf(served, server.port, protocol), envoys)
    const measured = {
      lastMs: milliseconds.at(-1)!,
      medianMs: quantile(milliseconds, 0.5),
      serverCpuMs: (cpuOf(server.pid) - cpu) / 1_000,
      clientCpuMs: cpuMs,
      peakMib: peakOf(server.pid),
    }
    await fleet.leave()
    await server.end()
    print(`${size} resources, ${protocol}: ${JSON.stringify(measured)}`)
    return measured
  }
  const ours = await measure(await startXds(file))
  const theirs = reference === undefined ? undefined : await measure(await startReference(reference, file))
  return rowsOf(`${envoys} joins, ${size} clusters, endpoints, routes each, ${protocol}`, ours, theirs)
}

const s = (ms: number) => `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`
const mib = (value: number) => `${value.toFixed(0)} MiB`

function rowsOf(what: string, ours: Measured, theirs: Measured | undefined): string[][] {
  const line = (
    name: string,
    part: (measured: Measured) => number,
    text: (value: number) => string,
    goal?: number,
  ) => {
    const ratio = theirs === undefined ? undefined : part(theirs) / part(ours)
    const aim =
      goal === undefined ? '' : `<= 1/${goal}: ${ratio === undefined ? '-' : verdict(ratio >= goal)}`
    const reference = theirs === undefined ? '-' : text(part(theirs))
    return [`${what}: ${name}`, text(part(ours)), reference, ratioOf(ratio), aim]
  }
  return [
    line('the last complete', ({ lastMs }) => lastMs, s, 3),
    line('half of them complete', ({ medianMs }) => medianMs, s),
    line('CPU of the server', ({ serverCpuMs }) => serverCpuMs, s),
    line('CPU of the Envoys', ({ clientCpuMs }) => clientCpuMs, s),
    line('peak of its memory', ({ peakMib }) => peakMib, mib, 4),
  ]
}
