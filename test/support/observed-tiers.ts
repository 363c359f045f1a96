import { type Collector, startCollector } from './collector.ts'
import { cluster } from './edge.ts'
import { startTestEnvoy, type TestEnvoy } from './envoy.ts'
import { type Received, type Sent, send } from './http.ts'
import { freePort } from './ports.ts'
import { freshDatabase } from './postgres.ts'
import { patient, policy } from './rate-limits.ts'
import { until } from './until.ts'
import { startUpstream, type Upstream } from './upstream.ts'
import { startWeir, type Weir } from './weir.ts'

/** An edge that forwards to an internal gateway, which forwards to an upstream, and what they send spans to. */
export interface ObservedTiers {
  readonly weir: Weir
  readonly edge: TestEnvoy
  readonly internal: TestEnvoy
  readonly ports: { edge: number; internal: number }
  readonly upstream: Upstream
  readonly collector: Collector
  /** Applies both gateways with this besides their listeners, and waits until no connection has what was before. */
  observe(spec: object): Promise<void>
  /** A request to the edge. */
  send(sent: Sent | string): Promise<Received>
  stop(): Promise<void>
}

/** The routes `/` with a limit that admits, and `/denied` with one that does not; the clusters `grpc` and `http` collect. */
export async function startObservedTiers(spec: object): Promise<ObservedTiers> {
  const collector = await startCollector()
  const upstream = await startUpstream('orders')
  const database = await freshDatabase()
  const weir = await startWeir({ environment: { DATABASE_URL: database.url } })
  const ports = { edge: await freePort(), internal: await freePort() }
  const gateways = (more: object) =>
    (['edge', 'internal'] as const).map((name) => ({
      kind: 'Gateway',
      name,
      spec: { listeners: [{ name: 'http', port: ports[name], protocol: 'http' }], ...patient, ...more },
    }))
  const route = (name: string, gateway: string, prefix: string, to: string, rateLimits: string[] = []) => ({
    kind: 'Route',
    name,
    spec: { gateways: [gateway], match: { path: { prefix } }, forward: [{ cluster: to }], rateLimits },
  })
  await weir.apply(
    ...gateways(spec),
    cluster('grpc', { port: collector.grpcPort }, { protocol: 'http2' }),
    cluster('http', { port: collector.httpPort }),
    cluster('orders', upstream),
    { kind: 'Cluster', name: 'inside', spec: { gateway: { name: 'internal', listener: 'http' } } },
    policy('generous', { limit: 1_000_000 }),
    policy('none', { limit: 0 }),
    route('shop', 'edge', '/', 'inside', ['generous']),
    route('denied', 'edge', '/denied', 'inside', ['none']),
    route('orders', 'internal', '/', 'orders'),
  )
  const envoyOf = (gateway: string) =>
    startTestEnvoy({ gateway, xdsPort: weir.xdsPort, id: `${gateway}-1`, addresses: ['127.0.0.1'] })
  const internal = await envoyOf('internal')
  const edge = await envoyOf('edge')
  for (const { url } of [internal, edge]) await sendSpansAtOnce(url)
  const answers = (port: number) => async () =>
    (await send(port, { path: '/' }).catch(() => undefined))?.status === 200
  await until('the internal gateway answers', answers(ports.internal))
  await until('the edge answers', answers(ports.edge))
  return {
    ...{ weir, edge, internal, ports, upstream, collector },
    async observe(spec) {
      await weir.apply(...gateways(spec))
      for (const envoy of [internal, edge]) await settled(envoy)
    },
    send: (sent) => send(ports.edge, typeof sent === 'string' ? { path: sent } : sent),
    async stop() {
      await edge.stop()
      await internal.stop()
      await weir.end()
      await database.drop()
      await upstream.close()
      await collector.close()
    },
  }
}

/** Envoy would wait for five spans or 5 s. */
async function sendSpansAtOnce(admin: string): Promise<void> {
  const keys = ['opentelemetry', 'zipkin'].map((tracer) => `tracing.${tracer}.min_flush_spans=1`)
  const { ok } = await fetch(`${admin}/runtime_modify?${keys.join('&')}`, { method: 'POST' })
  if (!ok) throw new Error('the runtime could not be modified')
}

/** Connections of before a change of a listener go on as it was, until they have drained. */
async function settled(envoy: TestEnvoy): Promise<void> {
  const gauges = ['listeners_warming', 'listeners_draining', 'filter_chains_draining']
  await until('no listener comes or goes', async () => {
    const stats = await envoy.stats('^listener_manager\\.total_')
    return gauges.every((name) => stats[`listener_manager.total_${name}`] === 0)
  })
}
