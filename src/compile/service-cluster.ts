import { isIP } from 'node:net'
import { duration, socketAddress, wrap } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import { http2Options } from './http2-options.ts'
import type { ServiceAddress } from './live.ts'

/** How often Envoy asks a replica whether it wants to be asked. Milliseconds. */
const checkedEvery = 1_000

/** So many decisions at once may be asked for again; Envoy's own 3 would let the others pass undecided. */
const retriesAtOnce = 1_000

/**
 * Decisions on their way to a replica at most, and frames that wait for it to read. While it is busy for a moment each
 * client that goes leaves an RST_STREAM there, and beyond Envoy's own 1,000 Envoy ends the connection, with all decisions
 * on it: clients who go could have the others pass undecided. A frame that waits takes some 20 bytes, a decision 200.
 */
const decisionsAtOnce = 50_000
const [waitingResets, waitingFrames] = [100_000, 250_000]

/**
 * A cluster of one of weir's own gRPC services. A replica that stops says so by its health check some seconds before it
 * ends, and one that died fails it: requests go to the others. While none is healthy all are asked.
 */
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
    health_checks: [
      {
        interval: duration(checkedEvery),
        timeout: duration(checkedEvery),
        no_traffic_interval: duration(checkedEvery),
        interval_jitter: duration(checkedEvery / 10),
        unhealthy_threshold: wrap(1),
        healthy_threshold: wrap(1),
        grpc_health_check: {},
      },
    ],
    // Above it a cluster of two, one of them away, would not take the other one for enough.
    common_lb_config: { healthy_panic_threshold: { value: 1 } },
    circuit_breakers: {
      thresholds: [
        {
          max_requests: wrap(decisionsAtOnce),
          max_pending_requests: wrap(decisionsAtOnce),
          max_retries: wrap(retriesAtOnce),
        },
      ],
    },
    // A replica that died without a word is noticed within 2 s.
    ...http2Options(
      { pingEvery: 1_000, pingTimeout: 1_000 },
      { max_outbound_control_frames: wrap(waitingResets), max_outbound_frames: wrap(waitingFrames) },
    ),
  }
}
