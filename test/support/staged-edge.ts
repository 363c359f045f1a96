import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Rollout } from '../../src/model/rollout-json.ts'
import { startTestEnvoy, type TestEnvoy } from './envoy.ts'
import { freePort } from './ports.ts'
import { freshDatabase } from './postgres.ts'
import { until } from './until.ts'
import { startWeir, type Weir } from './weir.ts'

/** An Envoy of the gateway `edge`, where its replica has it listen. */
export interface StagedEnvoy {
  readonly envoy: TestEnvoy
  readonly host: string
  /** The status of a request to it; 0 where nobody answers. */
  status(path?: string): Promise<number>
}

/** Two weirs over one database; the one has an Envoy labelled `track=canary` and the other one that is not. */
export interface StagedEdge {
  readonly weirs: Weir[]
  readonly canary: StagedEnvoy
  readonly other: StagedEnvoy
  /** The gateway's document, with its rollout. */
  gateway(rollout: object): object
  rollout(weir?: Weir): Promise<Rollout>
  stop(): Promise<void>
}

/**
 * Listeners are at 127.0.0.1 and 127.0.0.2, so that each Envoy can be asked; or at one place, where they may have their
 * streams at either replica (`roam`). `documents` come with the gateway.
 */
export async function startStagedEdge(options: {
  rollout: object
  documents: object[]
  roam?: boolean
}): Promise<StagedEdge> {
  const { rollout, documents, roam = false } = options
  await using started = new AsyncDisposableStack()
  const database = await freshDatabase()
  started.defer(database.drop)
  const [port, rls] = [await freePort(), await freePort()]
  const shared = {
    DATABASE_URL: database.url,
    WEIR_SECRET_KEY: randomBytes(32).toString('base64'),
    WEIR_ADMIN_TOKEN: 'a-token-of-the-test',
    WEIR_RLS_ENVOY_ADDR: `127.0.0.1:${rls}`,
  }
  const hosts = ['127.0.0.1', roam ? '127.0.0.1' : '127.0.0.2']
  const weirs = await Promise.all(
    hosts.map((host) => startWeir({ environment: { ...shared, WEIR_LISTENER_ADDRESS: host } })),
  )
  for (const weir of weirs) started.defer(async () => void (await weir.end('SIGKILL')))
  const gateway = (spec: object) => ({
    kind: 'Gateway',
    name: 'edge',
    spec: { listeners: [{ name: 'http', port, protocol: 'http' }], rollout: spec },
  })
  await weirs[0]!.apply(gateway(rollout), ...documents)
  const join = async (index: 0 | 1, id: string, labels: Record<string, string>): Promise<StagedEnvoy> => {
    const xdsPort = weirs[index]!.xdsPort
    const moreXdsPorts = roam ? [weirs[1 - index]!.xdsPort] : []
    const envoy = await startTestEnvoy({ gateway: 'edge', id, labels, xdsPort, moreXdsPorts })
    started.defer(envoy.stop)
    const host = hosts[index]!
    const status = async (path = '/') => {
      const answer = await fetch(`http://${host}:${port}${path}`).catch(() => undefined)
      await answer?.arrayBuffer()
      return answer?.status ?? 0
    }
    await until(`${id} serves`, async () => (await status()) === 200)
    return { envoy, host, status }
  }
  const canary = await join(0, 'edge-canary', { track: 'canary' })
  const other = await join(1, 'edge-other', { track: 'stable' })
  const running = started.move()
  return {
    ...{ weirs, canary, other, gateway },
    async rollout(weir = weirs[0]!) {
      return (await weir.api('GET', '/v1/gateways/edge/rollout')).body as Rollout
    },
    stop: () => running.disposeAsync(),
  }
}

/** Requests to an Envoy, one after the other, until it is stopped; and whether its configuration ever held a text. */
export function watched({ envoy, status }: StagedEnvoy, path: string, text: string) {
  const statuses: Record<number, number> = {}
  let held = false
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const answered = await status(path)
      statuses[answered] = (statuses[answered] ?? 0) + 1
      await delay(5)
    }
  })()
  const looking = (async () => {
    while (!isOver) {
      held ||= JSON.stringify(await envoy.configDump()).includes(text)
      await delay(20)
    }
  })()
  return {
    /** Requests by status, and whether `text` was ever there. */
    async stop() {
      isOver = true
      await Promise.all([asking, looking])
      return { statuses, held }
    },
  }
}
