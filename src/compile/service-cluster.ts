import { isIP } from 'node:net'
import { duration, socketAddress } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import { http2Options } from './http2-options.ts'
import type { ServiceAddress } from './live.ts'

/** A cluster of one of weir's own gRPC services. */
export function serviceCluster(name: string, addresses: readonly ServiceAddress[]): Message {
  const allIp = addresses.every(({ host }) => isIP(host) !== 0)
  const lbEndpoints = addresses.map(({ host, port }) => ({
    endpoint: { address: socketAddress(host, port) },
  }))
  return {
    name,
    type: allIp ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: duration(1_000),
    lb_policy: 'LEAST_REQUEST',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: lbEndpoints }] },
    // A replica that died without a word is noticed within 2 s.
    ...http2Options({ pingEvery: 1_000, pingTimeout: 1_000 }),
  }
}
