import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { commands, type Tally } from './commands.ts'
import { SessionFleet } from './fleet.ts'

/** WEIR_LONG=1 makes the long run; WEIR_SEED, and WEIR_PATH and WEIR_REPLAY beside it, repeat what was printed. */
const long = process.env.WEIR_LONG === '1'
const seed = Number(process.env.WEIR_SEED ?? (long ? Date.now() % 2 ** 31 : 20_260_101))
const path = process.env.WEIR_PATH
const replayPath = process.env.WEIR_REPLAY
const steps = Number(process.env.WEIR_STEPS ?? (long ? 200_000 : 10_000))

test(`whatever clients and rows do in ${steps} steps, each has the state, and nothing is sent twice (seed ${seed})`, (t: TestContext) => {
  const tally: Tally = { steps: 0 }
  const list = fc.commands(commands, {
    maxCommands: 120,
    size: 'max',
    ...(replayPath !== undefined && { replayPath }),
  })
  const property = fc.property(list, (list) => {
    const fleet = new SessionFleet()
    fc.modelRun(() => ({ model: tally, real: fleet }), list)
    fleet.settle()
    fleet.recover()
  })
  // A list has 60 on average.
  const again = path === undefined ? { numRuns: Math.ceil(steps / 50) } : { path }
  fc.assert(property, { seed, ...again })
  t.diagnostic(`${tally.steps} steps`)
  assert.ok(path !== undefined || tally.steps >= steps, `${tally.steps} steps only`)
})
