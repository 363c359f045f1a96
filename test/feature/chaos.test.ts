import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { startClients } from '../support/chaos/clients.ts'
import {
  any,
  excuses,
  type Fault,
  goThrough,
  lanes,
  oneOfEach,
  type Window,
} from '../support/chaos/faults.ts'
import { type ChaosFleet, paths, startChaosFleet } from '../support/chaos/fleet.ts'
import { type Footprint, footprintOf, grown } from '../support/chaos/footprint.ts'
import { until } from '../support/until.ts'

/** WEIR_LONG=1 has faults for five minutes, else there is one of each kind; WEIR_SEED repeats a run. */
const isLong = process.env.WEIR_LONG === '1'
const seed = Number(process.env.WEIR_SEED ?? (isLong ? Date.now() % 2 ** 31 : 20_260_112))
const lastsMs = 300_000

let fleet: ChaosFleet

before(async () => {
  fleet = await startChaosFleet()
})
after(() => fleet?.stop())

/** Those that are never ended. */
function footprints(): Record<string, Footprint> {
  const pids = { weir: fleet.replicas.weirs[0]!.pid, envoy: fleet.members[0]!.envoy.pid }
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, footprintOf(pid)]))
}

/** Waits until no request is under way and no client is connected. */
async function quiet(): Promise<void> {
  for (const { envoy } of fleet.members) {
    await until('nothing is under way', async () => {
      const stats = await envoy.stats(
        '(downstream_cx_active|cluster.(a|b).upstream_rq_active|upstream_rq_pending_active)',
      )
      const busy = Object.entries(stats).filter(([name, value]) => !name.includes('admin') && value > 0)
      return busy.length === 0
    })
  }
}

/** One fault after the other, until there are no more or the time is over. */
async function through(faults: readonly Fault[], windows: Window[], t: TestContext): Promise<void> {
  const end = performance.now() + lastsMs
  for (const fault of faults) {
    if (performance.now() > end) return
    const window = await goThrough(fleet, fault, delay)
    windows.push(window)
    t.diagnostic(`${JSON.stringify(fault)}: ${Math.round(window.to - window.from)} ms until all was well`)
    if (isLong) await delay(500)
  }
}

/** Writes again and again until it is told to end; answers with how many were taken. */
function writing(): { stop(): Promise<number> } {
  let isOver = false
  let taken = 0
  const done = (async () => {
    for (let count = 1; !isOver; count++) {
      if (await fleet.write(count % 2, count)) taken++
      await delay(200)
    }
  })()
  return {
    async stop() {
      isOver = true
      await done
      return taken
    },
  }
}

test('whatever is ended, slowed, failing or reset: requests are answered in time, and all is as it should be at the end', async (t) => {
  t.diagnostic(`WEIR_SEED=${seed}`)
  const ports = fleet.members.map(({ port }) => port)
  const warm = startClients(ports, paths, 10)
  await until('all are warm', () => warm.asked.length > 200)
  await warm.stop()
  await quiet()
  const before = footprints()

  const clients = startClients(ports, [...paths, ...paths], 30)
  const writer = writing()
  const windows: Window[] = []
  const { onTheWay, behind } = lanes
  const [way, back] = [onTheWay, behind].map((kinds) => {
    const faults = isLong ? any(kinds, 1_000) : oneOfEach(kinds)
    return fc.sample(faults, { seed, numRuns: 1 })[0]!
  })
  const ends = await Promise.allSettled([through(way!, windows, t), through(back!, windows, t)])
  const taken = await writer.stop()
  await clients.stop()
  for (const end of ends) if (end.status === 'rejected') throw end.reason

  const { asked } = clients
  const failed = asked.filter(({ status }) => status !== 200)
  t.diagnostic(`${asked.length} requests, ${failed.length} of them failed for a fault; ${taken} writes`)
  assert.deepEqual(
    asked.filter(({ error }) => error === 'hung'),
    [],
  )
  assert.deepEqual(
    failed.filter((each) => !windows.some((window) => excuses(window, each, fleet))),
    [],
  )
  await allIsRight()
  await quiet()
  const now = () => Object.entries(footprints()).flatMap(([name, each]) => grown(before[name]!, each))
  await until('nothing is held any more', () => now().length === 0, 60).catch((error: unknown) => {
    throw new Error(now().join(), { cause: error })
  })
  t.diagnostic(`before ${JSON.stringify(before)}, after ${JSON.stringify(footprints())}`)
})

/** The last write is in force, all Envoys are connected, and nobody has a word against an upstream or the store. */
async function allIsRight(): Promise<void> {
  const last = 1_000_000
  await until('the last write is taken', () => fleet.write(1, last), 60)
  for (const member of fleet.members) {
    await until(`${member.name} has the last write`, async () => (await fleet.countAt(member)) === last, 60)
  }
  await fleet.countTogether()
  await fleet.allHealthy()
  for (const [index, weir] of fleet.replicas.weirs.entries()) {
    await fleet.breakerClosed(index)
    await until(
      'both Envoys are connected, whichever replica is asked',
      async () => {
        const { items } = (await weir.api('GET', '/v1/fleet')).body
        const states = items.map(({ id, state }: { id: string; state: string }) => `${id} ${state}`)
        return states.sort().join() === 'restarted connected,steady connected'
      },
      60,
    )
    assert.equal((await fetch(`${weir.url}/readyz`)).status, 200)
  }
}
