import { once } from 'node:events'
import {
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { service } from '../../src/envoy-api/protos.ts'
import type { Message } from '../../src/envoy-api/types.ts'

/** What a client trusts and shows, as PEM texts, and its token. */
export interface AdsAccess {
  ca?: string
  own?: { certificate: string; privateKey: string }
  token?: string
}

/** A gRPC stream to an xDS server, by which a test says exactly what it wants to. */
export function openAdsStream(port: number, method: 'delta' | 'sotw' = 'delta', access: AdsAccess = {}) {
  const ads = service('envoy.service.discovery.v3.AggregatedDiscoveryService')
  const { path, requestSerialize, responseDeserialize } =
    method === 'delta' ? ads.DeltaAggregatedResources! : ads.StreamAggregatedResources!
  // A connection of its own, as each Envoy has.
  const ownConnection = {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    // An address is no server name of TLS.
    ...(access.ca !== undefined && { 'grpc.ssl_target_name_override': 'weir.test' }),
  }
  const client = new Client(`127.0.0.1:${port}`, credentialsOf(access), ownConnection)
  const metadata = new Metadata()
  if (access.token !== undefined) metadata.set('authorization', `Bearer ${access.token}`)
  const call: ClientDuplexStream<object, object> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    metadata,
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
    /** Calls back once the connection is gone. */
    connectionLost(callback: (value?: unknown) => void): void {
      const channel = client.getChannel()
      const look = () => {
        const state = channel.getConnectivityState(false)
        if (state !== connectivityState.READY) callback()
        else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look)
      }
      look()
    },
    close() {
      call.cancel()
      client.close()
    },
  }
}

function credentialsOf({ ca, own }: AdsAccess) {
  if (ca === undefined) return credentials.createInsecure()
  const [key, chain] = [own?.privateKey, own?.certificate].map((text) =>
    text === undefined ? null : Buffer.from(text),
  )
  return credentials.createSsl(Buffer.from(ca), key, chain)
}
