import type { Message } from '../../envoy-api/types.ts'
import type { EffectiveCluster } from '../../model/cluster.ts'
import { http2Options } from '../http2-options.ts'

/** What the endpoints are spoken to in; HTTP/1.1 is Envoy's default and says nothing. */
export function protocolOptions(protocol: EffectiveCluster['protocol']): Message {
  return protocol === 'http2' ? http2Options({ pingEvery: 30_000, pingTimeout: 5_000 }) : {}
}
