import { once } from 'node:events'
import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js'
import { service } from '../../src/envoy-api/protos.ts'
import type { Message } from '../../src/envoy-api/types.ts'

/** A gRPC stream to an xDS server, by which a test says exactly what it wants to. */
export function openAdsStream(port: number, method: 'delta' | 'sotw' = 'delta') {
  const ads = service('envoy.service.discovery.v3.AggregatedDiscoveryService')
  const { path, requestSerialize, responseDeserialize } =
    method === 'delta' ? ads.DeltaAggregatedResources! : ads.StreamAggregatedResources!
  // A connection of its own, as each Envoy has.
  const ownConnection = { 'grpc.use_local_subchannel_pool': 1, 'grpc.max_receive_message_length': -1 }
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), ownConnection)
  const call: ClientDuplexStream<object, object> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
  )
  const failure = new Promise<ServiceError>((resolve) => call.once('error', resolve))
  return {
    call,
    send: (request: Message) => call.write(request),
    /** The next response. */
    async next(): Promise<Message> {
      const [response] = await once(call, 'data')
      return response
    },
    /** The status with which the server ends the stream. */
    failure,
    close() {
      call.cancel()
      client.close()
    },
  }
}
