import { any } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveCluster } from '../../model/cluster.ts'
import { connectionPings, http2Options, optionsName } from '../http2-options.ts'

const pings = { pingEvery: 30_000, pingTimeout: 5_000 }

/**
 * What the endpoints are spoken to in; HTTP/1.1 is Envoy's default and says nothing. Whoever is asked by ALPN must be
 * spoken to over TLS.
 */
export function protocolOptions({ protocol, tls }: EffectiveCluster): Message {
  if (protocol === 'http2') return http2Options(pings)
  if (protocol === 'http1' || tls === undefined) return {}
  const auto_config = { http_protocol_options: {}, http2_protocol_options: connectionPings(pings) }
  return { typed_extension_protocol_options: { [optionsName]: any(optionsName, { auto_config }) } }
}
