import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Action, act, reachOf, type Seen, step } from '../../src/control/rollout.ts'
import type { RolloutRecord } from '../../src/model/rollout-record.ts'

const start = new Date('2030-01-01T00:00:00Z')
const later = (seconds: number) => new Date(start.getTime() + seconds * 1_000)

const waves = [{ nodes: { track: 'canary' } }, { percent: 25 }, { percent: 100 }]
const gate = { settle: '30s', maxErrorRateIncrease: 1 }

function record(change: Partial<RolloutRecord> = {}): RolloutRecord {
  const running = change.state !== undefined && change.state !== 'done'
  return {
    ...{ gateway: 'edge', version: 7, epoch: 7, state: 'done', base: 5, candidate: running ? 6 : 5 },
    ...{ wave: 0, reach: reachOf(waves.slice(0, 1), []), startedAt: start, waveAt: start, settlingAt: null },
    ...{ changedAt: start, reason: '' },
    ...change,
  }
}

/** Four Envoys, one of them a canary, one more in the first quarter; nothing is pending. */
function seen(change: Partial<Seen> = {}): Seen {
  return {
    ...{ now: later(1), rollout: { waves, gate }, newest: 6, newestIs: 'candidate', complete: true },
    ...{ reached: { envoys: 1, pending: 0 }, others: { envoys: 3, pending: 0 } },
    ...{ byWave: [1, 1, 2, 0], places: [], nacks: [], tripped: undefined, awaitsFigures: false },
    ...change,
  }
}

const pending = { reached: { envoys: 1, pending: 1 } }
const other: Partial<Seen> = { newest: 8, newestIs: 'other' }
const settling = { state: 'running', settlingAt: start } as const

/** What of a record a row of the table is about. */
type Told = [state: string, wave: number, base: number, candidate: number, outcome?: string]

interface Row {
  what: string
  from: Partial<RolloutRecord>
  sees?: Partial<Seen>
  does?: Action
  /** Nothing: it stays. */
  becomes?: Told
  reason?: RegExp
}

const table: Row[] = [
  // A write.
  { what: 'a write begins with the first wave', from: {}, sees: other, becomes: ['running', 0, 5, 8] },
  {
    what: 'waves without an Envoy are passed at once',
    from: {},
    sees: { ...other, byWave: [0, 0, 4, 0] },
    becomes: ['running', 2, 5, 8],
  },
  {
    what: 'where there is no Envoy it is over at once',
    from: {},
    sees: { ...other, byWave: [0, 0, 0, 0] },
    becomes: ['done', 0, 8, 8, 'done'],
  },
  { what: 'not all is seen yet', from: {}, sees: { ...other, complete: false } },
  {
    what: 'a write that Envoys cannot tell from what they have',
    from: {},
    sees: { newest: 8, newestIs: 'base' },
    becomes: ['done', 0, 8, 8],
  },
  {
    what: 'a write begins anew while one is under way',
    from: { state: 'running', wave: 1 },
    sees: other,
    becomes: ['running', 0, 5, 8, 'superseded'],
  },
  {
    what: 'and while one is halted',
    from: { state: 'halted' },
    sees: other,
    becomes: ['running', 0, 5, 8, 'superseded'],
  },
  {
    what: 'what everybody has acknowledged is the base of the next',
    from: { ...settling, wave: 2 },
    sees: other,
    becomes: ['running', 0, 6, 8, 'done'],
  },
  {
    what: 'what not everybody has acknowledged is not',
    from: { state: 'running', wave: 2 },
    sees: other,
    becomes: ['running', 0, 5, 8, 'superseded'],
  },
  {
    what: 'an overtaken revision goes no further while not all is seen',
    from: settling,
    sees: { ...other, now: later(60), complete: false },
  },
  {
    what: 'a write that Envoys cannot tell from the candidate goes on with it',
    from: { state: 'running', wave: 1 },
    sees: { newest: 8 },
    becomes: ['running', 1, 5, 8],
  },
  {
    what: 'a write back to the base ends it',
    from: { state: 'running', wave: 1 },
    sees: { newest: 8, newestIs: 'base' },
    becomes: ['done', 1, 8, 8, 'superseded'],
  },
  { what: 'reverted, nothing written', from: { state: 'reverted' } },
  {
    what: 'a write after a revert begins anew',
    from: { state: 'reverted' },
    sees: other,
    becomes: ['running', 0, 5, 8],
  },
  // A wave.
  { what: 'not acknowledged', from: { state: 'running' }, sees: pending },
  { what: 'acknowledged, as far as is seen', from: { state: 'running' }, sees: { complete: false } },
  { what: 'acknowledged by all', from: { state: 'running' }, becomes: ['running', 0, 5, 6] },
  {
    what: 'not acknowledged in time',
    from: { state: 'running' },
    sees: { ...pending, now: later(600) },
    becomes: ['reverting', 0, 5, 6, 'reverted'],
    reason: /^wave 1 \(track=canary\): not acknowledged within 10m$/,
  },
  {
    what: 'refused',
    from: { state: 'running' },
    sees: { ...pending, nacks: ['route edge/http (edge-1: no such thing)'] },
    becomes: ['reverting', 0, 5, 6, 'reverted'],
    reason: /^wave 1 \(track=canary\): an Envoy refused route edge\/http/,
  },
  { what: 'settling', from: settling, sees: { now: later(35) } },
  { what: 'settled', from: settling, sees: { now: later(36) }, becomes: ['running', 1, 5, 6] },
  {
    what: 'settled, and the next wave is empty',
    from: settling,
    sees: { now: later(36), byWave: [1, 0, 3, 0] },
    becomes: ['running', 2, 5, 6],
  },
  {
    what: 'settled, and nothing told of its requests',
    from: settling,
    sees: { now: later(36), awaitsFigures: true },
  },
  { what: 'settled, as far as is seen', from: settling, sees: { now: later(36), complete: false } },
  {
    what: 'the last wave settled',
    from: { ...settling, wave: 2 },
    sees: { now: later(36) },
    becomes: ['done', 2, 6, 6, 'done'],
  },
  {
    what: 'the gate trips',
    from: { ...settling, wave: 1 },
    sees: { tripped: 'error rate 50.0% of 90 requests' },
    becomes: ['reverting', 1, 5, 6, 'reverted'],
    reason: /^wave 2 \(25%\): error rate 50\.0% of 90 requests$/,
  },
  {
    what: 'without a gate the next goes at once',
    from: settling,
    sees: { rollout: { waves } },
    becomes: ['running', 1, 5, 6],
  },
  {
    what: 'not everybody is back',
    from: { state: 'reverting' },
    sees: { others: { envoys: 4, pending: 1 } },
  },
  { what: 'everybody is back', from: { state: 'reverting' }, becomes: ['reverted', 0, 5, 6] },
  { what: 'halted, whatever comes', from: { state: 'halted' }, sees: { now: later(999), tripped: 'x' } },
  // By hand.
  { what: 'halt', from: settling, does: 'halt', becomes: ['halted', 0, 5, 6] },
  { what: 'resume', from: { state: 'halted', wave: 1 }, does: 'resume', becomes: ['running', 1, 5, 6] },
  {
    what: 'resume of what was reverted',
    from: { state: 'reverted', wave: 1 },
    does: 'resume',
    becomes: ['running', 0, 5, 6],
  },
  {
    what: 'abort',
    from: { state: 'halted' },
    does: 'abort',
    becomes: ['reverting', 0, 5, 6, 'reverted'],
    reason: /^aborted by hand$/,
  },
  { what: 'promote', from: settling, does: 'promote', becomes: ['done', 0, 6, 6, 'done'] },
  {
    what: 'promote of what was reverted',
    from: { state: 'reverted' },
    does: 'promote',
    becomes: ['done', 0, 6, 6, 'done'],
  },
  { what: 'nothing to halt', from: {}, does: 'halt' },
  { what: 'nothing to resume', from: settling, does: 'resume' },
  { what: 'nothing to abort', from: { state: 'reverted' }, does: 'abort' },
  { what: 'nothing to promote', from: {}, does: 'promote' },
]

describe('a rollout moves by its table', () => {
  for (const { what, from, sees = {}, does, becomes, reason } of table) {
    test(what, () => {
      const before = record(from)
      const newest = { newest: before.candidate, ...sees }
      const made = does === undefined ? step(before, seen(newest)) : act(before, does, seen(newest))
      if (becomes === undefined) {
        assert.ok(made === undefined || 'refused' in made)
        return
      }
      assert.ok(made !== undefined && !('refused' in made))
      const { to, outcome } = made
      const told = [
        to.state,
        to.wave,
        to.base,
        to.candidate,
        ...(outcome === undefined ? [] : [outcome.state]),
      ]
      assert.deepEqual(told, becomes)
      assert.equal(to.version, before.version + 1)
      if (reason !== undefined) assert.match(to.reason, reason)
    })
  }

  test('settling begins when all have acknowledged, and another wave is another epoch', () => {
    const acknowledged = step(record({ state: 'running' }), seen())!.to
    assert.deepEqual([acknowledged.settlingAt, acknowledged.epoch], [later(1), 7])
    const next = step({ ...acknowledged, settlingAt: start }, seen({ now: later(36) }))!.to
    assert.deepEqual([next.settlingAt, next.epoch, next.reach.share], [null, next.version, 0.25])
  })
})

test('a wave of a number reaches those with the smallest places, and never fewer than the waves before', () => {
  const places = [0.1, 0.2, 0.9]
  const shares = [[{ count: 2 }], [{ count: 5 }], [{ percent: 50 }, { count: 1 }]].map(
    (each) => reachOf(each, places).share,
  )
  assert.deepEqual(
    shares.map((share) => places.filter((place) => place < share).length),
    [2, 3, 2],
  )
  assert.equal(reachOf([{ count: 2 }], []).share, 0)
})
