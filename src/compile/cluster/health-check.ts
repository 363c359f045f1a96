import { duration, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveCluster } from '../../model/cluster.ts'
import { milliseconds } from '../../model/duration.ts'
import type { EffectiveHealthCheck } from '../../model/health-check.ts'

/** Active health checks. Envoy docs: intro/arch_overview/upstream/health_checking. */
export function healthChecks({ healthCheck, protocol, tls }: EffectiveCluster): Message {
  if (healthCheck === undefined) return {}
  const { interval, timeout, unhealthyThreshold, healthyThreshold } = healthCheck
  const every = milliseconds(interval)
  const check = {
    interval: duration(every),
    timeout: duration(milliseconds(timeout)),
    unhealthy_threshold: wrap(unhealthyThreshold),
    healthy_threshold: wrap(healthyThreshold),
    // Envoy would look at a cluster without traffic once a minute, and send its first requests to what died meanwhile.
    no_traffic_interval: duration(every),
    no_traffic_healthy_interval: duration(every),
    // Many Envoys shall not ask at the same moment; the verdict is late by half a second at most.
    interval_jitter: duration(Math.floor(Math.min(every / 10, 500 / unhealthyThreshold))),
    ...asked(healthCheck, protocol),
    ...(tls === undefined ? {} : offered(healthCheck, protocol)),
  }
  // An endpoint that was taken out of the document leaves at once, not only when its check fails.
  return { health_checks: [check], ignore_health_on_host_removal: true }
}

/** ALPN: a check speaks one protocol, whatever requests may be sent in. */
function offered({ type }: EffectiveHealthCheck, protocol: EffectiveCluster['protocol']): Message {
  if (type === 'tcp') return {}
  const isHttp2 = type === 'grpc' || protocol === 'http2'
  return { tls_options: { alpn_protocols: [isHttp2 ? 'h2' : 'http/1.1'] } }
}

function asked(check: EffectiveHealthCheck, protocol: EffectiveCluster['protocol']): Message {
  const { host, path, expectedStatuses, serviceName } = check
  switch (check.type) {
    case 'tcp':
      return { tcp_health_check: {} }
    case 'grpc':
      return {
        grpc_health_check: {
          ...(serviceName === undefined ? {} : { service_name: serviceName }),
          ...(host === undefined ? {} : { authority: host }),
        },
      }
    case 'http':
      return {
        http_health_check: {
          path,
          ...(host === undefined ? {} : { host }),
          expected_statuses: (expectedStatuses ?? [200]).map((status) => ({
            start: status,
            end: status + 1,
          })),
          // Others count towards the threshold; by Envoy's default the first would be the verdict.
          retriable_statuses: [{ start: 100, end: 600 }],
          codec_client_type: protocol === 'http2' ? 'HTTP2' : 'HTTP1',
        },
      }
  }
}
