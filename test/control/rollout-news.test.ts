import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createRolloutNews } from '../../src/control/rollout-news.ts'
import type { RolloutRecord } from '../../src/model/rollout-record.ts'

const time = (second: number) => new Date(1_000 * second)
const began = time(10)
const record = (version: number, more: Partial<RolloutRecord> = {}): RolloutRecord => ({
  ...{ gateway: 'edge', version, epoch: 1, state: 'running', base: 1, candidate: 2, wave: 0, reason: '' },
  ...{ reach: { nodes: [], share: 1 }, settlingAt: null },
  ...{ startedAt: time(1), waveAt: time(1), changedAt: time(version) },
  ...more,
})
const done = (version: number, more: Partial<RolloutRecord> = {}) =>
  record(version, { state: 'done', candidate: 1, ...more })

/** Looks at the table, or moves that are made here; and what they tell. */
type Step = { seen: RolloutRecord[] } | { moved: RolloutRecord }
const cases: [string, Step[], string[]][] = [
  ['nothing of what moved before this process began', [{ seen: [record(3)] }, { seen: [record(3)] }], []],
  ['what moved since, at another replica', [{ seen: [record(12)] }], ['running 2 wave 0']],
  ['nothing where all have the same', [{ seen: [done(12)] }, { seen: [done(13, { candidate: 2 })] }], []],
  [
    'a move made here once',
    [{ seen: [done(1)] }, { moved: record(2) }, { seen: [record(2)] }],
    ['running 2 wave 0'],
  ],
  [
    'a wave, a state and a revision, and nothing else of a record',
    [
      { seen: [done(1)] },
      { seen: [record(2)] },
      { seen: [record(3, { settlingAt: time(3) })] },
      { seen: [record(4, { wave: 1 })] },
      { seen: [record(5, { wave: 1, candidate: 3 })] },
      { seen: [record(6, { wave: 1, candidate: 3, state: 'halted' })] },
    ],
    ['running 2 wave 0', 'running 2 wave 1', 'running 3 wave 1', 'halted 3 wave 1'],
  ],
  [
    'nothing of a look that began before a move',
    [{ seen: [record(2)] }, { moved: record(3, { state: 'halted' }) }, { seen: [record(2)] }],
    ['halted 2 wave 0'],
  ],
  [
    'a rollout that was taken away and given back, with versions from 1 on',
    [
      { seen: [record(5)] },
      { seen: [] },
      { seen: [done(1, { startedAt: time(20) })] },
      { seen: [record(2, { startedAt: time(21) })] },
    ],
    ['running 2 wave 0'],
  ],
  [
    'the same where nobody looked in between',
    [{ seen: [record(5)] }, { seen: [record(2, { startedAt: time(21), candidate: 4 })] }],
    ['running 4 wave 0'],
  ],
]

describe('what is told of rollouts', () => {
  for (const [title, steps, wanted] of cases) {
    test(title, () => {
      const told: string[] = []
      const news = createRolloutNews(({ state, candidate, wave }) => {
        told.push(`${state} ${candidate} wave ${wave}`)
      })
      for (const each of steps) {
        if ('seen' in each) news.seen(each.seen, began)
        else news.moved(each.moved)
      }
      assert.deepEqual(told, wanted)
    })
  }
})
