import { isIP } from 'node:net'
import { any, duration, socketAddress } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
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
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          explicit_http_config: {
            // A replica that died without a word is noticed within 2 s instead of at TCP's pace.
            http2_protocol_options: {
              connection_keepalive: { interval: duration(1_000), timeout: duration(1_000) },
            },
          },
        },
      ),
    },
  }
}
