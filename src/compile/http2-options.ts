import { any, duration } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'

const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/**
 * Speaks HTTP/2 to a cluster. One connection has many requests, so that one which died without a word is noticed by its
 * pings before TCP would. Milliseconds.
 */
export function http2Options({
  pingEvery,
  pingTimeout,
}: {
  pingEvery: number
  pingTimeout: number
}): Message {
  const connection_keepalive = { interval: duration(pingEvery), timeout: duration(pingTimeout) }
  const options = { explicit_http_config: { http2_protocol_options: { connection_keepalive } } }
  return { typed_extension_protocol_options: { [optionsName]: any(optionsName, options) } }
}
