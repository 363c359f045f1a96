import { createGrpcJsTransport } from '../../src/ratelimit/transports/grpc-js.ts'
import { transportContract } from './transport.contract.ts'

transportContract('grpc-js', (decide) => createGrpcJsTransport({ decide, observe: () => undefined }))
