import { send } from './http.ts'
import { freePort } from './ports.ts'
import type { Upstream } from './upstream.ts'

/** The edge forwards to the internal gateway, which forwards to the upstream. */
export async function tiers(upstream: Upstream) {
  const ports = { edge: await freePort(), internal: await freePort() }
  const gateway = (name: 'edge' | 'internal', port = ports[name]) => ({
    kind: 'Gateway',
    name,
    spec: { listeners: [{ name: 'http', port, protocol: 'http' }] },
  })
  const cluster = (name: string, spec: object) => ({ kind: 'Cluster', name, spec })
  const route = (name: string, to: string) => ({
    kind: 'Route',
    name,
    spec: { gateways: [name], match: { path: { prefix: '/' } }, forward: [{ cluster: to }] },
  })
  const documents = [
    ...[gateway('edge'), gateway('internal')],
    cluster('internal-gateway', { gateway: { name: 'internal', listener: 'http' } }),
    cluster('orders', { endpoints: [{ address: '127.0.0.1', port: upstream.port }] }),
    ...[route('edge', 'internal-gateway'), route('internal', 'orders')],
  ]
  return { ports, gateway, documents }
}

/** Asks again until it is so; what does not come within 30 s fails the test. */
export async function until(look: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`not so within 30 s: ${look}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** 0 where nobody answers. */
export const status = async (port: number) => {
  const { status } = await send(port, { path: '/' }).catch(() => ({ status: 0 }))
  return status
}
