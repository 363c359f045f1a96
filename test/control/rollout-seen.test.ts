import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { noFigures } from '../../src/control/gate.ts'
import { seenBy } from '../../src/control/rollout-seen.ts'
import type { Figures, GatewayReport, KnownReport, RolloutRecord } from '../../src/model/rollout-record.ts'

const now = new Date('2030-01-01T00:00:00Z')
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000)
const rollout = { waves: [{ nodes: { track: 'canary' } }, { percent: 100 }], gate: { settle: '30s' } }
const record: RolloutRecord = {
  ...{ gateway: 'edge', version: 4, epoch: 3, state: 'running', base: 1, candidate: 2, wave: 0, reason: '' },
  ...{ reach: { nodes: [{ track: 'canary' }], share: 0 }, settlingAt: ago(10) },
  ...{ startedAt: ago(20), waveAt: ago(20), changedAt: ago(10) },
}
const figures = (requests: number, errors: number): Figures => ({ requests, errors, times: {} })

interface Said extends Partial<GatewayReport> {
  seen?: number
  started?: number
}

/** One Envoy that is reached and acknowledged and one that is not, unless it is said. */
function report(replica: string, { seen = 0.5, started = 60, ...said }: Said = {}): KnownReport {
  const edge: GatewayReport = {
    ...{ epoch: 3, reached: { envoys: 1, pending: 0 }, others: { envoys: 1, pending: 0 } },
    ...{ byWave: [1, 1, 0], places: [0.2], nacks: [] },
    figures: { reached: noFigures, others: noFigures, before: noFigures },
    ...said,
  }
  return { replica, seenAt: ago(seen), startedAt: ago(started), report: { edge } }
}

const see = (...reports: KnownReport[]) =>
  seenBy(record, rollout, { now, reports }, { newestIs: 'candidate', revision: 2 })

describe('what all replicas see of a rollout', () => {
  test('is what they say together', () => {
    const seen = see(report('a'), report('b', { reached: { envoys: 3, pending: 2 }, places: [0.1, 0.4] }))
    assert.deepEqual(seen.reached, { envoys: 4, pending: 2 })
    assert.deepEqual(seen.others, { envoys: 2, pending: 0 })
    assert.deepEqual([seen.byWave, seen.places, seen.complete], [[2, 2, 0], [0.1, 0.2, 0.4], true])
  })

  const nobody = { envoys: 0, pending: 0 }
  const incomplete: Record<string, KnownReport[]> = {
    'while nobody says anything': [],
    'while one has not come to this wave': [report('a'), report('b', { epoch: 2 })],
    'while one does not serve the gateway yet': [report('a'), { ...report('b'), report: {} }],
    'while one has just started': [report('a'), report('b', { started: 2 })],
    'while Envoys of one that was lost may be on their way': [report('a'), report('b', { seen: 6 })],
  }
  for (const [what, reports] of Object.entries(incomplete)) {
    test(`is not complete ${what}`, () => assert.equal(see(...reports).complete, false))
  }

  test('is complete once whoever was lost is so for long, or had no Envoys', () => {
    assert.equal(see(report('a'), report('b', { seen: 9 })).complete, true)
    assert.equal(see(report('a'), report('b', { seen: 6, reached: nobody, others: nobody })).complete, true)
    assert.deepEqual(see(report('a'), report('b', { seen: 9 })).reached, { envoys: 1, pending: 0 })
  })

  test('awaits what Envoys answered that should have had requests', () => {
    const silent = { figures: { reached: figures(3, 0), others: noFigures, before: figures(50, 0) } }
    const awaits = (seconds: number, said: Said = silent) => {
      const settled = { ...record, settlingAt: ago(seconds) }
      const table = { now, reports: [report('a', said)] }
      return seenBy(settled, rollout, table, { newestIs: 'candidate', revision: 2 }).awaitsFigures
    }
    assert.deepEqual([awaits(36), awaits(65), awaits(67), awaits(36, {})], [true, true, false, false])
    const told = { figures: { ...silent.figures, reached: figures(10, 0) } }
    assert.equal(awaits(36, told), false)
  })

  test('has what a lost one said of this wave, and nothing of another', () => {
    const bad = { figures: { reached: figures(50, 50), others: noFigures, before: noFigures } }
    const others = { figures: { reached: noFigures, others: figures(50, 0), before: noFigures } }
    assert.match(
      see(report('a', others), report('b', { seen: 9, ...bad })).tripped!,
      /100\.0% of 50 requests/,
    )
    assert.equal(see(report('a', others), report('b', { seen: 9, epoch: 2, ...bad })).tripped, undefined)
    const refused = { nacks: ['route r (edge-1: no)'] }
    assert.deepEqual(see(report('a', refused)).nacks, refused.nacks)
    assert.deepEqual(see(report('a', { ...refused, epoch: 2 })).nacks, [])
  })
})
