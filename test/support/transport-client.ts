import { after, before } from 'node:test'
import { Client, credentials } from '@grpc/grpc-js'
import type { Transport } from '../../src/ratelimit/transports/transport.ts'

/** A gRPC client of a transport, which listens before the first of the tests around it and ends after the last. */
export function clientOfTests(transport: Transport): { readonly client: Client } {
  let client: Client
  before(async () => {
    const { port } = await transport.listen('127.0.0.1:0')
    client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  })
  after(async () => {
    client.close()
    await transport.close(1_000)
  })
  return {
    get client() {
      return client
    },
  }
}
