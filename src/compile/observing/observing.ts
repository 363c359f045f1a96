import type { Message } from '../../envoy-api/types.ts'
import type { ClusterSpec } from '../../model/cluster.ts'
import type { GatewaySpec } from '../../model/gateway.ts'
import type { Listener } from '../../model/listener.ts'
import { find, type State } from '../../model/state.ts'
import type { GatewayContext } from '../../policies/policy-kind.ts'
import { accessLog } from './access-log.ts'
import type { Callers } from './callers.ts'
import { tracing } from './tracing.ts'

/** Clusters that a gateway sends spans and log records to. */
export function collectorsOf({ tracing, accessLog }: GatewaySpec): string[] {
  return [tracing?.collector, accessLog?.to?.otlp].filter((name) => name !== undefined)
}

/** What a connection manager says of the requests of a listener: their ids, their spans, their log lines. */
export function observing(
  listener: Listener,
  gateway: GatewayContext,
  state: State,
  callers: Callers,
): Message {
  const place: ObservedPlace = {
    gateway: gateway.name,
    listener: listener.name,
    callers,
    speaksHttp2: (cluster) => speaksHttp2(state, cluster),
  }
  const { tracing: traced, accessLog: logged } = gateway.spec
  return {
    // An id is made where a request comes in: a client could write anything, another request's id, too.
    preserve_external_request_id: callers === 'gateways',
    always_set_request_id_in_response: true,
    ...(traced === undefined ? {} : { tracing: tracing(traced, place) }),
    ...(logged === undefined ? {} : { access_log: [accessLog(logged, place)] }),
  }
}

/** The listener whose requests are told of. */
export interface ObservedPlace {
  readonly gateway: string
  readonly listener: string
  readonly callers: Callers
  /** gRPC needs it; a collector that does not speak it is sent to by POST. */
  speaksHttp2(cluster: string): boolean
}

function speaksHttp2(state: State, cluster: string): boolean {
  return (find(state, 'Cluster', cluster)?.document.spec as ClusterSpec | undefined)?.protocol === 'http2'
}
