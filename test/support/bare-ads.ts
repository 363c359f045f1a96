import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { service } from '../../src/envoy-api/protos.ts'

const method = service('envoy.service.discovery.v3.AggregatedDiscoveryService').DeltaAggregatedResources!

/** A delta stream on a bare HTTP/2 connection, of which nothing is read unless the test does; with its first request. */
export function openBareStream(session: ClientHttp2Session, request: object): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': method.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const message = method.requestSerialize(request)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  stream.write(Buffer.concat([head, message]))
  return stream
}
