import { setTimeout as delay } from 'node:timers/promises'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { cpuOf, rssOf } from '../cpu.ts'
import { quantile } from '../quantile.ts'
import { print } from '../table.ts'
import { FleetOf } from './fleet-of.ts'
import { verdict } from './goals.ts'
import { worldOf } from './resources.ts'
import { resourcesServed, startWholeWeir } from './whole-weir.ts'

const pauseMs = 250
/** What the last third may have more than the middle one. */
const flat = 1.05

/** Thousands of streams on one replica, and edits for minutes: whether its memory stays where it is. */
export async function measureStreams(options: {
  streams: number
  /** Clusters and routes. */
  size: number
  minutes: number
}): Promise<string[][]> {
  const { streams, size, minutes } = options
  const weir = await startWholeWeir(size)
  const served = await resourcesServed(weir.port)
  const fleet = new FleetOf()
  const { milliseconds } = await fleet.join(worldOf(served, weir.port, 'delta'), streams)
  const rss: number[] = []
  const edits: number[] = []
  const cpu = cpuOf(weir.pid)
  const from = performance.now()
  for (let round = 0; performance.now() - from < minutes * 60_000; round++) {
    edits.push(await fleet.edited(typeUrls.endpoints, () => weir.edit(round % size)))
    rss.push(rssOf(weir.pid))
    await delay(pauseMs)
  }
  const cpuMs = (cpuOf(weir.pid) - cpu) / 1_000 / edits.length
  await fleet.leave()
  await weir.end()
  const third = Math.floor(rss.length / 3)
  const middle = quantile(rss.slice(third, -third), 0.5)
  const last = quantile(rss.slice(-third), 0.5)
  print(`${streams} streams: RSS ${rss[0]!.toFixed(0)}, ${middle.toFixed(0)}, ${last.toFixed(0)} MiB`)
  const what = `${streams} streams, ${size} clusters and routes`
  const text = `${middle.toFixed(0)} MiB, then ${last.toFixed(0)} MiB`
  return [
    [`${what}: the last has joined`, `${(milliseconds.at(-1)! / 1_000).toFixed(2)} s`, '-', '-', ''],
    [
      `${what}: memory over ${minutes} min and ${edits.length} edits`,
      text,
      '-',
      '-',
      `flat: ${verdict(last <= middle * flat)}`,
    ],
    [`${what}: an edit until the last has it, p50`, `${quantile(edits, 0.5).toFixed(1)} ms`, '-', '-', ''],
    [`${what}: CPU of weir for an edit`, `${cpuMs.toFixed(1)} ms`, '-', '-', ''],
  ]
}
