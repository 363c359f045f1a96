import { duration } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { milliseconds } from '../../model/duration.ts'
import type { Hash } from '../../model/hash.ts'

/** `envoy.config.route.v3.RouteAction.HashPolicy`; several parts make one hash. */
export function hashPolicy({ on, name, ttl }: Hash): Message {
  switch (on) {
    case 'client_ip':
      return { connection_properties: { source_ip: true } }
    case 'header':
      return { header: { header_name: name!.toLowerCase() } }
    case 'query':
      return { query_parameter: { name } }
    case 'cookie':
      return { cookie: { name, ...(ttl !== undefined && { ttl: duration(milliseconds(ttl)) }) } }
  }
}
