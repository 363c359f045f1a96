import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Frame } from './fuzz/frames.ts'
import { Fuzzer, fuzzedMethods } from './fuzz/fuzzer.ts'
import { recordConversations } from './fuzz/recorded.ts'

const long = process.env.WEIR_LONG === '1'
/** Of the first connection; that of the one that failed runs it alone. */
const seed = Number(process.env.WEIR_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const least = long
  ? { connections: 100_000, mutatedFrames: 10_000_000 }
  : { connections: 1_500, mutatedFrames: 50_000 }
const samples = 10

/** Memory in MiB, without what is garbage. */
function residentMemory(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return Math.round(process.memoryUsage.rss() / 2 ** 20)
}

describe('connections that are fed with mutated conversations', () => {
  let recorded: Frame[][]

  before(
    async () => {
      recorded = await recordConversations(fuzzedMethods)
      for (const frames of recorded) assert.ok(frames.length > 60, `${frames.length} frames were recorded`)
    },
    { timeout: 60_000 },
  )

  test('are cut off or answered, leave nothing behind, and a valid call is answered after each', async (t) => {
    const fuzzer = new Fuzzer(recorded)
    const { counts } = fuzzer.lane
    const resident: number[] = []
    let connections = 0
    for (; connections < least.connections || fuzzer.mutatedFrames < least.mutatedFrames; connections++) {
      const ofThis = (seed + connections) % 2 ** 32
      try {
        await fuzzer.connection(ofThis)
      } catch (error) {
        throw new Error(`WEIR_FUZZ_SEED=${ofThis} fails at once`, { cause: error })
      }
      const progress = Math.min(connections / least.connections, fuzzer.mutatedFrames / least.mutatedFrames)
      if (progress >= resident.length / samples) {
        resident.push(residentMemory())
        // Among others the event loop gets a turn, as it does beside sockets.
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    t.diagnostic(`seed ${seed}: ${connections} connections, ${counts.frames} frames parsed`)
    t.diagnostic(`of them ${fuzzer.mutatedFrames} mutated; ${counts.calls} calls, ${counts.resets} resets`)
    t.diagnostic(`rules: ${JSON.stringify(counts.rules)}`)
    t.diagnostic(`RSS in MiB, each tenth of the way: ${resident.join(' ')}`)
    const [settled, last] = [Math.max(...resident.slice(1, 4)), resident.at(-1)!]
    if (long) assert.ok(last < 1.25 * settled, `RSS went from ${settled} to ${last} MiB`)
  })
})
