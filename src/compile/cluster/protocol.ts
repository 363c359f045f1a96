import { any, duration } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveCluster } from '../../model/cluster.ts'

const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** What the endpoints are spoken to in; HTTP/1.1 is Envoy's default and says nothing. */
export function protocolOptions(protocol: EffectiveCluster['protocol']): Message {
  if (protocol !== 'http2') return {}
  // One connection has many requests, so one that died without a word is noticed before TCP would.
  const connection_keepalive = { interval: duration(30_000), timeout: duration(5_000) }
  const options = { explicit_http_config: { http2_protocol_options: { connection_keepalive } } }
  return { typed_extension_protocol_options: { [optionsName]: any(optionsName, options) } }
}
