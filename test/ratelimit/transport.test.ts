import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setLogger } from '@grpc/grpc-js'
import { createGrpcJsTransport } from '../../src/ratelimit/transports/grpc-js.ts'
import { transportContract } from './transport.contract.ts'

transportContract('grpc-js', (decide, serving) =>
  createGrpcJsTransport({ decide, serving, observe: () => undefined }),
)

test('a port that is taken is an error of the call alone: the library prints nothing', async (t) => {
  const lines: unknown[][] = []
  setLogger({ error: (...line) => lines.push(line) })
  t.after(() => setLogger(console))
  const transport = () =>
    createGrpcJsTransport({
      decide: () => {
        throw new Error('not asked')
      },
      serving: () => true,
      observe: () => undefined,
    })
  const [first, second] = [transport(), transport()]
  const { port } = await first.listen('127.0.0.1:0')
  t.after(() => Promise.all([first.close(0), second.close(0)]))
  await assert.rejects(second.listen(`127.0.0.1:${port}`), /EADDRINUSE/)
  assert.deepEqual(lines, [])
})
