import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WaveFigures } from '../../src/control/figures.ts'
import type { RolloutRecord } from '../../src/model/rollout-record.ts'

const record = (change: Partial<RolloutRecord>): RolloutRecord => ({
  ...{ gateway: 'edge', version: 1, epoch: 1, state: 'done', base: 1, candidate: 1, wave: 0, reason: '' },
  ...{ reach: { nodes: [], share: 1 }, settlingAt: null },
  ...{ startedAt: new Date(0), waveAt: new Date(0), changedAt: new Date(0) },
  ...change,
})
const started = { startedAt: new Date(1_000) }
const delivering = record({ state: 'running', epoch: 2, ...started })
const settling = record({ ...delivering, settlingAt: new Date(2_000) })

const told = (requests: number, errors = 0) => ({ requests, errors, times: new Map([[5, requests]]) })

describe('what a wave’s Envoys answered', () => {
  test('counts from when all had the revision, and not what was told of the time before', () => {
    const figures = new WaveFigures()
    figures.follow(delivering, 0)
    figures.add(told(100, 100), true, 0, 1_000)
    figures.follow(settling, 2_000)
    figures.add(told(50, 50), true, 1_000, 3_000) // Some of it by what the Envoy had before.
    figures.add(told(20, 1), true, 3_000, 5_000)
    figures.add(told(40), false, 3_000, 5_000)
    const { reached, others } = figures.compared
    assert.deepEqual([reached.requests, reached.errors, others.requests], [20, 1, 40])

    figures.follow(record({ ...settling, epoch: 3, settlingAt: null }), 6_000)
    assert.deepEqual(
      [figures.compared.reached.requests, figures.compared.others.requests],
      [0, 0],
      'another wave begins with nothing',
    )
  })

  test('knows what was usual while all had the same, of which half is forgotten in 30 s', () => {
    const figures = new WaveFigures()
    figures.follow(record({}), 0)
    figures.add(told(100, 10), false, 1, 2_000)
    figures.follow(delivering, 32_000)
    figures.follow(settling, 33_000)
    figures.add(told(500, 500), true, 34_000, 35_000)
    const { before } = figures.compared
    assert.deepEqual([before.requests, before.errors, before.times[5]], [50, 5, 50])

    figures.follow(record({ ...settling, epoch: 3, state: 'reverting' }), 36_000)
    figures.add(told(70, 70), true, 37_000, 38_000)
    figures.follow(record({ ...settling, epoch: 3, state: 'reverted' }), 39_000)
    figures.add(told(70, 70), true, 38_500, 40_000) // It had the revision for some of that.
    figures.follow(record({ ...settling, epoch: 4, startedAt: new Date(62_000) }), 62_000)
    assert.deepEqual([figures.compared.before.requests, figures.compared.before.errors], [25, 2.5])
  })
})
