import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { commands, type Tally } from './commands.ts'
import { Fleet } from './fleet.ts'
import { Sessions } from './sessions.ts'
import { startSockets } from './sockets.ts'

/** WEIR_LONG=1 makes the long run; WEIR_SEED, and WEIR_PATH and WEIR_REPLAY beside it, repeat what was printed. */
const long = process.env.WEIR_LONG === '1'
const seed = Number(process.env.WEIR_SEED ?? (long ? Date.now() % 2 ** 31 : 20_260_101))
const path = process.env.WEIR_PATH
const replayPath = process.env.WEIR_REPLAY

const transports = [
  { name: 'sessions', start: async () => new Sessions(), steps: long ? 200_000 : 10_000 },
  { name: 'sockets', start: startSockets, steps: long ? 20_000 : 300 },
]

for (const { name, start, steps: usual } of transports) {
  const steps = Number(process.env.WEIR_STEPS ?? usual)
  test(`over ${name}, whatever clients and rows do in ${steps} steps, each has the state, and nothing is sent twice (seed ${seed})`, async (t: TestContext) => {
    const tally: Tally = { steps: 0 }
    const list = fc.commands(commands, {
      maxCommands: 120,
      size: 'max',
      ...(replayPath !== undefined && { replayPath }),
    })
    const property = fc.asyncProperty(list, async (list) => {
      const transport = await start()
      try {
        const fleet = new Fleet(transport)
        await fc.asyncModelRun(() => ({ model: tally, real: fleet }), list)
        await fleet.settle()
        await fleet.recover()
      } finally {
        await transport.close()
      }
    })
    // A list has 60 on average; few lists may have less.
    const again = path === undefined ? { numRuns: Math.ceil(steps / 50) + 3 } : { path }
    await fc.assert(property, { seed, ...again })
    t.diagnostic(`${tally.steps} steps`)
    assert.ok(path !== undefined || tally.steps >= steps, `${tally.steps} steps only`)
  })
}
