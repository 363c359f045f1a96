import { any, duration } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'

/** Under this name, and of this type, a cluster has options of HTTP. */
export const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** How often a connection is asked whether it lives, and how long for. Milliseconds. */
export interface Pings {
  pingEvery: number
  pingTimeout: number
}

/** Speaks HTTP/2 to a cluster; `more` are other fields of its `Http2ProtocolOptions`. */
export function http2Options(pings: Pings, more: Message = {}): Message {
  const http2 = { ...connectionPings(pings), ...more }
  const options = { explicit_http_config: { http2_protocol_options: http2 } }
  return { typed_extension_protocol_options: { [optionsName]: any(optionsName, options) } }
}

/**
 * `Http2ProtocolOptions`: one connection has many requests, so that one which died without a word is noticed by its
 * pings before TCP would.
 */
export function connectionPings({ pingEvery, pingTimeout }: Pings): Message {
  return { connection_keepalive: { interval: duration(pingEvery), timeout: duration(pingTimeout) } }
}
