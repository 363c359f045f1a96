import { createGrpcJsTransport } from './grpc-js.ts'
import { createLaneTransport } from './lane.ts'
import type { Transport, TransportName, TransportOptions } from './transport.ts'

const transports: Record<TransportName, (options: TransportOptions) => Transport> = {
  'grpc-js': createGrpcJsTransport,
  lane: createLaneTransport,
}

export function createTransport(name: TransportName, options: TransportOptions): Transport {
  return transports[name](options)
}
