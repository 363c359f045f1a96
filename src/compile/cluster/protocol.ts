import { any } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveCluster } from '../../model/cluster.ts'
import { connectionPings, optionsName } from '../http2-options.ts'
import { upstreamFilters } from './admission-control.ts'

const pings = { pingEvery: 30_000, pingTimeout: 5_000 }

/**
 * What the endpoints are spoken to in; HTTP/1.1 is Envoy's default and says nothing. Whoever is asked by ALPN must be
 * spoken to over TLS.
 */
export function protocolOptions({ protocol, tls, admissionControl }: EffectiveCluster): Message {
  const known = protocol === 'auto' && tls === undefined ? 'http1' : protocol
  if (known === 'http1' && admissionControl === undefined) return {}
  const options = { ...spoken(known), ...upstreamFilters(admissionControl) }
  return { typed_extension_protocol_options: { [optionsName]: any(optionsName, options) } }
}

function spoken(protocol: EffectiveCluster['protocol']): Message {
  const http2_protocol_options = connectionPings(pings)
  switch (protocol) {
    case 'http1':
      return { explicit_http_config: { http_protocol_options: {} } }
    case 'http2':
      return { explicit_http_config: { http2_protocol_options } }
    case 'auto':
      return { auto_config: { http_protocol_options: {}, http2_protocol_options } }
  }
}
