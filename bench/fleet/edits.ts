import { join } from 'node:path'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { quantile } from '../quantile.ts'
import { print } from '../table.ts'
import { FleetOf } from './fleet-of.ts'
import { ratioOf, verdict } from './goals.ts'
import type { JoinOptions } from './joins.ts'
import { worldOf, writeResources } from './resources.ts'
import { startReference } from './servers.ts'
import { clusterName, resourcesServed, startWholeWeir } from './whole-weir.ts'

export interface EditOptions extends JoinOptions {
  edits: number
}

const aimMs = 50

/** One endpoint gets another port: from the start of the call until the last Envoy has acknowledged it. */
export async function measureEdits(options: EditOptions): Promise<string[][]> {
  const { folder, reference, size, protocol, envoys, edits } = options
  const weir = await startWholeWeir(size)
  const served = await resourcesServed(weir.port)
  const place = (round: number) => (round * 4_801) % size
  async function measure(port: number, edit: (index: number) => Promise<unknown>): Promise<number[]> {
    const fleet = new FleetOf()
    await fleet.join(worldOf(served, port, protocol), envoys)
    const samples: number[] = []
    // The first one warms up.
    for (let round = 0; round <= edits; round++) {
      samples.push(await fleet.edited(typeUrls.endpoints, () => edit(place(round))))
    }
    await fleet.leave()
    print(`edits at ${size} resources, ${protocol}: ${samples.map((each) => each.toFixed(0)).join(' ')} ms`)
    return samples.slice(1)
  }
  let receipts: number[] = []
  const ours = await measure(weir.port, async (index) => {
    const from = performance.now()
    await weir.edit(index, '?wait=acked')
    receipts.push(performance.now() - from)
  })
  receipts = receipts.slice(1)
  await weir.end()
  const file = join(folder, 'served')
  writeResources(file, served)
  let theirs: number[] | undefined
  if (reference !== undefined) {
    const server = await startReference(reference, file)
    theirs = await measure(server.port, (index) => server.edit(clusterName(index)))
    await server.end()
  }
  const what = `one endpoint at ${size} clusters and routes, until the last of ${envoys} has acknowledged, ${protocol}`
  const line = (name: string, part: (samples: readonly number[]) => number, aim: string) => {
    const times = theirs === undefined ? undefined : part(theirs) / part(ours)
    return [
      `${what}: ${name}`,
      ms(part(ours)),
      theirs === undefined ? '-' : ms(part(theirs)),
      ratioOf(times),
      aim,
    ]
  }
  const p50 = quantile(ours, 0.5)
  return [
    line('p50', (samples) => quantile(samples, 0.5), `<= ${aimMs} ms: ${verdict(p50 <= aimMs)}`),
    line('worst', (samples) => Math.max(...samples), ''),
    ['the same, until `?wait=acked` has answered: p50', ms(quantile(receipts, 0.5)), '-', '-', ''],
  ]
}

const ms = (value: number) => `${value.toFixed(1)} ms`
