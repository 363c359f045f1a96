import type { Message } from '../envoy-api/types.ts'
import { milliseconds } from '../model/duration.ts'
import type { Hash } from '../model/hash.ts'

/**
 * One part of a hash; all parts make one (Envoy docs: RouteAction.HashPolicy). In the form that is the same as a message
 * and as JSON, but for the life of a cookie, which only clusters give, in JSON.
 */
export function hashPolicy({ on, name, ttl }: Hash): Message {
  switch (on) {
    case 'client_ip':
      return { connection_properties: { source_ip: true } }
    case 'header':
      return { header: { header_name: name!.toLowerCase() } }
    case 'query':
      return { query_parameter: { name } }
    case 'cookie':
      // Without the path a cookie that Envoy makes would be for one folder of the site.
      return { cookie: ttl === undefined ? { name } : { name, ttl: seconds(ttl), path: '/' } }
  }
}

/** A `google.protobuf.Duration` in JSON. */
function seconds(text: string): string {
  return `${milliseconds(text) / 1000}s`
}
