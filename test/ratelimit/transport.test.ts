import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setLogger } from '@grpc/grpc-js'
import { createTransport } from '../../src/ratelimit/transports/create-transport.ts'
import { transportNames } from '../../src/ratelimit/transports/transport.ts'
import { transportContract } from './transport.contract.ts'

for (const name of transportNames) {
  transportContract(name, (decide, serving) =>
    createTransport(name, { decide, serving, observe: () => undefined }),
  )

  test(`${name}: a port that is taken is an error of the call alone: nothing is printed`, async (t) => {
    const lines: unknown[][] = []
    setLogger({ error: (...line) => lines.push(line) })
    t.after(() => setLogger(console))
    const transport = () =>
      createTransport(name, {
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
}
