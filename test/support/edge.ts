import { startTestEnvoy, type TestEnvoy, type TestEnvoyOptions } from './envoy.ts'
import { type Received, type Sent, send } from './http.ts'
import { freePort } from './ports.ts'
import { freshDatabase } from './postgres.ts'
import { until } from './until.ts'
import type { Upstream } from './upstream.ts'
import { startWeir, type Weir } from './weir.ts'

/** A weir with one gateway, `edge`, and an Envoy of it, for tests that look at what requests meet. */
export interface Edge {
  readonly weir: Weir
  readonly envoy: TestEnvoy
  readonly port: number
  /** Applies documents and waits until Envoy has them. */
  apply(...documents: object[]): Promise<void>
  send(sent: Sent | string): Promise<Received>
  stop(): Promise<void>
}

/** `spec` is what its gateway has besides the listener, or in its place; `environment` are settings of the weir. */
export async function startEdge(
  spec: object = {},
  more: Partial<TestEnvoyOptions> = {},
  environment: Record<string, string> = {},
): Promise<Edge> {
  await using started = new AsyncDisposableStack()
  const database = await freshDatabase()
  started.defer(database.drop)
  const port = await freePort()
  const weir = await startWeir({ environment: { DATABASE_URL: database.url, ...environment } })
  started.defer(async () => void (await weir.end()))
  await weir.apply(gateway(port, spec))
  const envoy = await startTestEnvoy({ gateway: 'edge', xdsPort: weir.xdsPort, id: 'edge-1', ...more })
  started.defer(envoy.stop)
  // Envoy acknowledges a listener and its routes a moment before its workers accept connections.
  try {
    await until('the listener accepts', () =>
      send(port, { path: '/' }).then(
        () => true,
        () => false,
      ),
    )
  } catch (cause) {
    const listeners = await fetch(`${envoy.url}/init_dump`).then((answer) => answer.text(), String)
    throw new Error(`Envoy waits for ${listeners}; its log: ${envoy.log().slice(-4_000)}`, { cause })
  }
  const running = started.move()
  return {
    weir,
    envoy,
    port,
    async apply(...documents) {
      await weir.apply(...documents)
    },
    send: (sent) => send(port, typeof sent === 'string' ? { path: sent } : sent),
    stop: () => running.disposeAsync(),
  }
}

export function gateway(port: number, spec: object, name = 'edge'): object {
  return {
    kind: 'Gateway',
    name,
    spec: { listeners: [{ name: 'http', port, protocol: 'http' }], ...spec },
  }
}

export function cluster(
  name: string,
  endpoints: Pick<Upstream, 'port'> | Pick<Upstream, 'port'>[],
  more: object = {},
): object {
  const all = [endpoints].flat().map(({ port }) => ({ address: '127.0.0.1', port }))
  return { kind: 'Cluster', name, spec: { endpoints: all, ...more } }
}

/** A route to the cluster `a`, unless `more` says otherwise; `path` alone is a prefix. */
export function route(name: string, match: string | object, more: object = {}): object {
  const matched = typeof match === 'string' ? { path: { prefix: match } } : match
  const answers = 'respond' in more || 'redirect' in more || 'forward' in more
  const forward = answers ? {} : { forward: [{ cluster: 'a' }] }
  return { kind: 'Route', name, spec: { gateways: ['edge'], match: matched, ...forward, ...more } }
}
