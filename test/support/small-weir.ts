import { createAnnouncements } from '../../src/control/announcements.ts'
import { createController } from '../../src/control/controller.ts'
import { createFeed } from '../../src/feed/feed.ts'
import { planWrite } from '../../src/model/plan-write.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { kinds } from '../../src/policies/index.ts'
import { announcedChannel } from '../../src/store/locks.ts'
import { createPool } from '../../src/store/pool.ts'
import { createStore } from '../../src/store/store.ts'
import { createXdsServer } from '../../src/xds/server.ts'
import { testLive } from './live.ts'
import { testSecrets } from './secrets.ts'

export interface SmallWeir {
  xdsPort: number
  /** Writes the documents; answers with the revision. */
  write(...documents: object[]): Promise<number>
  /** The ids of the Envoys that are connected. */
  connected(): string[]
  revision(): number
  close(): Promise<void>
}

const context = { supervised: false, listenerAddress: '127.0.0.1' }

/** Store, feed, compiler and xDS as `main.ts` wires them, with a time of grace that a test can wait for. */
export async function startSmallWeir(options: {
  url: string
  graceMs: number
  xdsPort?: number
}): Promise<SmallWeir> {
  const { url, graceMs, xdsPort = 0 } = options
  const observe = () => {}
  const pool = createPool(url, observe)
  const store = createStore({ pool, kinds, secrets: testSecrets(), observe })
  const xds = createXdsServer({ observe })
  const { port } = await xds.listen(`127.0.0.1:${xdsPort}`)
  const controller = createController({
    live: testLive(),
    outlets: { ...xds, setLimits() {}, setBreakers() {} },
    observe,
  })
  const announcements = await createAnnouncements({
    ...{ fleet: xds.fleet, table: store.exchangeAnnouncements, onChange: controller.announce },
    ...{ observe, graceMs },
  })
  const feed = createFeed({
    ...{ url, store, observe },
    onState(state, keys) {
      controller.apply(state, keys)
      xds.markLoaded()
    },
    others: { [announcedChannel]: announcements.hint },
  })
  return {
    xdsPort: port,
    async write(...documents) {
      const { revision } = await store.write({
        ...{ author: 'test', message: '' },
        edits: () =>
          documents.map((value, document) => {
            const { document: object, problems } = readDocument(kinds, value)
            if (object === undefined) throw new Error(JSON.stringify(problems))
            return { op: 'put' as const, object, document }
          }),
        plan: (state, edits) => planWrite(kinds, state, edits, context),
      })
      return revision
    },
    connected: () =>
      xds.fleet
        .list()
        .filter(({ state }) => state === 'connected')
        .map(({ id }) => id),
    revision: controller.revision,
    async close() {
      await feed.close()
      await announcements.close()
      await xds.close(1_000)
      await pool.end()
    },
  }
}
