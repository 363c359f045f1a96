import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EncodedResource, EncodedResources } from '../../src/envoy-api/encoded.ts'
import { encode } from '../../src/envoy-api/protos.ts'
import { type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import { removePostgresData, startPostgres } from '../../src/local/postgres.ts'
import { openAdsStream } from '../../test/support/ads-client.ts'
import { startWeir } from '../../test/support/weir.ts'
import { gateway } from './resources.ts'

/** All of weir, with its PostgreSQL, and so many clusters and routes in it. */
export interface WholeWeir {
  readonly pid: number
  readonly port: number
  /** One endpoint of that cluster gets another port; `query` may ask for a receipt. */
  edit(cluster: number, query?: string): Promise<void>
  end(): Promise<void>
}

export const clusterName = (index: number) => `service-${index}`

export async function startWholeWeir(count: number): Promise<WholeWeir> {
  const dataDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const postgres = await startPostgres({ dataDir, observe: () => {} })
  const weir = await startWeir({ environment: { DATABASE_URL: postgres.url } })
  const headers = { authorization: `Bearer ${weir.token}`, 'content-type': 'application/json' }
  async function call(method: string, path: string, body: unknown): Promise<void> {
    const response = await fetch(weir.url + path, { method, headers, body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`)
  }
  const numbers = Array.from({ length: count }, (_, index) => index)
  const edge = { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] }
  await call('POST', '/v1/apply', [
    { kind: 'Gateway', name: gateway, spec: edge },
    ...numbers.map((index) => cluster(index, 8_080)),
    ...numbers.map(route),
  ])
  let port = 8_080
  return {
    pid: weir.pid,
    port: weir.xdsPort,
    edit: (index, query = '') =>
      call('PUT', `/v1/clusters/${clusterName(index)}${query}`, cluster(index, ++port)),
    async end() {
      await weir.end()
      await postgres.stop()
      removePostgresData(dataDir)
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

function cluster(index: number, port: number) {
  const hosts = [1, 2, 3].map((host) => `10.${index >> 8}.${index & 255}.${host}`)
  const endpoints = hosts.map((address) => ({ address, port }))
  return { kind: 'Cluster', name: clusterName(index), spec: { endpoints } }
}

/** Fifty routes a host. */
function route(index: number) {
  const spec = {
    gateways: [gateway],
    hosts: [`h${Math.floor(index / 50)}.shop.example`],
    match: { path: { prefix: `/service-${index}` } },
    forward: [{ cluster: clusterName(index) }],
  }
  return { kind: 'Route', name: `route-${index}`, spec }
}

/** What a server serves, all of every type, so that another server can serve the very same. */
export async function resourcesServed(port: number): Promise<EncodedResources> {
  const all = new Map<TypeUrl, Map<string, EncodedResource>>()
  const stream = openAdsStream(port)
  const node = { id: 'collector', cluster: gateway }
  for (const type of Object.values(typeUrls)) {
    stream.send({ node, type_url: type })
    const { nonce, resources = [] } = (await stream.next()) as {
      nonce: string
      resources?: { name: string; version: string; resource: object }[]
    }
    stream.send({ type_url: type, response_nonce: nonce })
    const encoded = resources.map(({ name, version, resource }) => {
      return [name, { name, version, any: encode('google.protobuf.Any', { ...resource }) }] as const
    })
    all.set(type, new Map(encoded))
  }
  stream.close()
  return all
}
