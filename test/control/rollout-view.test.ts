import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { rolloutText } from '../../src/cli/rollout-text.ts'
import { noFigures } from '../../src/control/gate.ts'
import { viewOf } from '../../src/control/rollout-view.ts'
import type { RolloutRecord, RolloutState } from '../../src/model/rollout-record.ts'

const at = new Date('2030-01-01T00:00:00Z')
const rollout = { waves: [{ nodes: { track: 'canary' } }, { percent: 100 }] }
const figures = { reached: noFigures, others: noFigures, before: noFigures }

function view(state: RolloutState, change: Partial<RolloutRecord>) {
  const record: RolloutRecord = {
    ...{ gateway: 'edge', version: 4, epoch: 3, state, base: 1, candidate: 2, wave: 0, reason: '' },
    ...{ reach: { nodes: [{ track: 'canary' }], share: 0 }, settlingAt: null },
    ...{ startedAt: at, waveAt: at, changedAt: at },
    ...change,
  }
  return viewOf(record, rollout, undefined, figures, undefined)
}

describe('a rollout in words', () => {
  const why = { reason: 'error rate 9%' }
  const cases: [RolloutState, Partial<RolloutRecord>, string][] = [
    ['running', {}, 'edge: revision 2 running, wave 1 of 2 (track=canary), delivering'],
    ['running', { settlingAt: at }, 'edge: revision 2 running, wave 1 of 2 (track=canary), settling'],
    ['halted', why, 'edge: revision 2 halted, wave 1 of 2 (track=canary): error rate 9%'],
    ['reverting', why, 'edge: revision 2 is reverting, the Envoys go back to 1: error rate 9%'],
    ['reverted', why, 'edge: revision 2 is reverted, the Envoys are at 1: error rate 9%'],
    ['done', {}, 'edge: all Envoys are at revision 2'],
  ]
  for (const [state, change, expected] of cases)
    test(expected, () => assert.equal(rolloutText(view(state, change)), expected))

  test('only a wave that runs is delivering or settling, whatever the record remembers', () => {
    for (const state of ['halted', 'reverting', 'reverted'] as const)
      for (const settlingAt of [null, at]) assert.equal(view(state, { settlingAt }).wave?.phase, undefined)
  })
})
