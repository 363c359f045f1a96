import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { AdsRequest, AdsResponse, AdsStream } from './answer.ts'
import type { NodeMemory } from './memory.ts'
import type { Snapshot } from './snapshot.ts'
import type { Variant } from './variant.ts'
import type { WireMessage } from './wire.ts'

/** How a variant of the protocol goes over a gRPC call. */
export interface Carrier<Request extends AdsRequest, Response extends AdsResponse> {
  readonly protocol: Variant['name']
  open(snapshot: Snapshot, memory: NodeMemory, noncePrefix: string): AdsStream<Request, Response>
  encode(response: Response): WireMessage
}

export type AdsCall<Request> = ServerDuplexStream<Request, WireMessage>
