import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { any, duration, fromAds, socketAddress, wrap } from '../../src/envoy-api/build.ts'
import { type EncodedResource, type EncodedResources, encodeResources } from '../../src/envoy-api/encoded.ts'
import { type Message, type Resources, type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import type { World } from './envoy.ts'

export const gateway = 'edge'

/** So many clusters, as many endpoints resources, as many route configurations, and a listener. */
export function resources(count: number): EncodedResources {
  const numbers = Array.from({ length: count }, (_, index) => index)
  const named = (make: (name: string, index: number) => Message) => {
    return new Map(numbers.map((index) => [`service-${index}`, make(`service-${index}`, index)] as const))
  }
  const all: Resources = new Map<TypeUrl, Map<string, Message>>([
    [typeUrls.cluster, named(cluster)],
    [typeUrls.endpoints, named(endpoints)],
    [typeUrls.listener, new Map([['http', listener()]])],
    [typeUrls.route, named(routes)],
  ])
  return encodeResources(all)
}

function cluster(name: string): Message {
  return {
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: fromAds() },
    connect_timeout: duration(1_000),
    per_connection_buffer_limit_bytes: wrap(32_768),
    circuit_breakers: { thresholds: [{ max_connections: wrap(1_024), max_retries: wrap(3) }] },
  }
}

function endpoints(name: string, index: number): Message {
  const hosts = [1, 2, 3].map((host) => `10.${index >> 8}.${index & 255}.${host}`)
  const lb_endpoints = hosts.map((host) => ({ endpoint: { address: socketAddress(host, 8_080) } }))
  return { cluster_name: name, endpoints: [{ lb_endpoints }] }
}

function routes(name: string): Message {
  const route = { match: { prefix: '/' }, route: { cluster: name, timeout: duration(15_000) } }
  return {
    name,
    virtual_hosts: [{ name, domains: [`${name}.shop.example`], routes: [route] }],
  }
}

function listener(): Message {
  const config = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'http',
    rds: { route_config_name: 'service-0', config_source: fromAds() },
  })
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: config }]
  return { name: 'http', address: socketAddress('127.0.0.1', 10_000), filter_chains: [{ filters }] }
}

/** Resources in a file that both sides read: type, name and `Any` of each, with their lengths in four bytes before. */
export function writeResources(file: string, all: EncodedResources): void {
  const parts: Buffer[] = []
  for (const [type, byName] of all) {
    for (const { name, any } of byName.values()) {
      for (const part of [Buffer.from(type), Buffer.from(name), any]) {
        const length = Buffer.alloc(4)
        length.writeUInt32BE(part.length)
        parts.push(length, part)
      }
    }
  }
  writeFileSync(file, Buffer.concat(parts))
}

export function readResources(file: string): EncodedResources {
  const bytes = readFileSync(file)
  const all = new Map<TypeUrl, Map<string, EncodedResource>>()
  let at = 0
  const next = () => {
    const from = at + 4
    at = from + bytes.readUInt32BE(at)
    return bytes.subarray(from, at)
  }
  while (at < bytes.length) {
    const [type, name, any] = [next().toString() as TypeUrl, next().toString(), next()]
    const version = createHash('sha256').update(any).digest('base64url').slice(0, 16)
    const byName = all.get(type) ?? new Map<string, EncodedResource>()
    all.set(type, byName.set(name, { name, version, any }))
  }
  return all
}

export function worldOf(all: EncodedResources, port: number, protocol: World['protocol']): World {
  const names = Object.entries(typeUrls).map(([short, type]) => [short, [...(all.get(type)?.keys() ?? [])]])
  return { port, gateway, protocol, names: Object.fromEntries(names) }
}
