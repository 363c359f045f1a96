import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile } from '../../src/compile/compile.ts'
import type { Document } from '../../src/model/document.ts'
import { find, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore } from '../../src/store/store.ts'
import type { FleetItem } from '../../src/xds/fleet-item.ts'
import { type Door, openDoor } from './door.ts'
import { startTestEnvoy, type TestEnvoy } from './envoy.ts'
import { type ConfigDump, dumpedContent, dumpedInForce, expectedInForce, isAtRest } from './in-force.ts'
import { testLive } from './live.ts'
import { freePort } from './ports.ts'
import { freshDatabase } from './postgres.ts'
import { testSecrets } from './secrets.ts'
import { until } from './until.ts'
import { startWeir, type Weir } from './weir.ts'

/** An Envoy of the gateway `edge`, the replica whose stream it has, and since when at the earliest (Unix ms). */
interface Member {
  readonly envoy: TestEnvoy
  readonly door: Door
  replica: number
  since: number
}

export type TwoReplicas = Awaited<ReturnType<typeof startTwoReplicas>>

/** Two weirs over one database, and two Envoys of the gateway `edge`, by delta and by state-of-the-world xDS. */
export async function startTwoReplicas() {
  const database = await freshDatabase()
  const pool = createPool(database.url, () => {})
  const shared = {
    DATABASE_URL: database.url,
    WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
    // One address for all, so that an Envoy that comes from the other replica finds nothing to change.
    WEIR_RLS_ENVOY_ADDR: `127.0.0.1:${await freePort()}`,
  }
  const settings = await Promise.all([0, 1].map(() => settingsOf(shared)))
  const weirs: Weir[] = await Promise.all(settings.map((each) => startWeir(each)))
  const xds = settings.map(({ environment }) => `tcp://${environment.WEIR_XDS_ADDR}`)
  const members = await Promise.all(
    (['delta', 'sotw'] as const).map(async (protocol, replica): Promise<Member> => {
      const door = await openDoor(xds[replica]!)
      const xdsPort = Number(new URL(door.url).port)
      const envoy = await startTestEnvoy({
        gateway: 'edge',
        xdsPort,
        protocol,
        id: protocol,
        drainSeconds: 0,
      })
      return { envoy, door, replica, since: 0 }
    }),
  )
  const live = testLive({ services: { ratelimit: [hostPort(shared.WEIR_RLS_ENVOY_ADDR)] } })

  /** Read anew, by nobody who saw the writes. */
  function stored(): Promise<State> {
    return createStore({ pool, kinds, secrets: testSecrets(), observe: () => {} }).current()
  }

  /** A stream that was cut is listed until its end is noticed, by every replica. */
  async function isListed({ envoy, replica, since }: Member, wanted: FleetItem['state']): Promise<boolean> {
    const items: FleetItem[] = (await weirs[replica]!.api('GET', '/v1/fleet')).body.items
    return items.some(
      ({ id, state, connectedAt }) => id === envoy.id && state === wanted && Date.parse(connectedAt) >= since,
    )
  }

  /** Waits until the Envoy has its stream where it should, and has acknowledged what is stored. */
  async function acknowledged(member: Member, gateway: Document): Promise<void> {
    const { id } = member.envoy
    await until(`${id} is connected`, () => isListed(member, 'connected'))
    // Changes nothing; its receipt is that of the newest revision.
    const path = '/v1/gateways/edge?wait=acked&timeout=20s'
    const { body } = await weirs[member.replica]!.api('PUT', path, gateway)
    if (body.delivery?.state !== 'acked') throw new Error(`${id}: ${JSON.stringify(body)}`)
  }

  /** An Envoy whose gateway is gone is emptied; one that comes after that is refused, and keeps what it has. */
  async function left(member: Member): Promise<void> {
    await until(`${member.envoy.id} is emptied or refused`, async () => {
      const dump = (await member.envoy.configDump()) as never
      return Object.keys(dumpedInForce(dump)).length === 0 || (await isListed(member, 'refused'))
    })
  }

  async function dumpAtRest({ envoy }: Member): Promise<ConfigDump> {
    let dump: ConfigDump | undefined
    await until(`${envoy.id} is at rest`, async () => {
      dump = (await envoy.configDump()) as never
      return isAtRest(dump!)
    })
    return dump!
  }

  return {
    weirs: weirs as readonly Weir[],
    /** Fails unless both Envoys hold what is stored, compiled, once all is delivered. */
    async check(): Promise<void> {
      const state = await stored()
      const gateway = find(state, 'Gateway', 'edge')?.document
      if (gateway === undefined) {
        await Promise.all(members.map(left))
        return
      }
      await Promise.all(members.map((member) => acknowledged(member, gateway)))
      const [delta, sotw] = await Promise.all([dumpAtRest(members[0]!), dumpAtRest(members[1]!)])
      assert.deepEqual(dumpedInForce(delta), expectedInForce(compile(state, 'edge', live)), 'over delta')
      assert.deepEqual(dumpedContent(sotw), dumpedContent(delta), 'over state of the world')
    },
    /** Breaks an Envoy's stream; its next one is at the other replica. */
    cut(index: 0 | 1): void {
      const member = members[index]!
      member.replica = 1 - member.replica
      member.since = Date.now()
      member.door.turn(xds[member.replica]!)
    },
    async restart(replica: 0 | 1, signal: NodeJS.Signals): Promise<void> {
      for (const member of members) if (member.replica === replica) member.since = Date.now()
      await weirs[replica]!.end(signal)
      weirs[replica] = await startWeir(settings[replica])
    },
    async stop(): Promise<void> {
      for (const { envoy, door } of members) {
        await envoy.stop()
        await door.shut()
      }
      for (const weir of weirs) await weir.end()
      for (const { dataDir } of settings) rmSync(dataDir, { recursive: true, force: true })
      await pool.end()
      await database.drop()
    },
  }
}

/** Those with which a replica can be started again as the same. */
async function settingsOf(shared: Record<string, string>) {
  const address = async () => `127.0.0.1:${await freePort()}`
  const own = {
    WEIR_ADMIN_ADDR: await address(),
    WEIR_XDS_ADDR: await address(),
    WEIR_RLS_ADDR: await address(),
  }
  return { dataDir: mkdtempSync(join(tmpdir(), 'weir-replica-')), environment: { ...shared, ...own } }
}

function hostPort(text: string) {
  const [host, port] = text.split(':')
  return { host: host!, port: Number(port) }
}
