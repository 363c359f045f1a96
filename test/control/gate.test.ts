import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Compared,
  judge as judged,
  noFigures,
  quantile,
  sumOf,
  type Without,
} from '../../src/control/gate.ts'
import type { GateSpec } from '../../src/model/rollout.ts'
import type { Figures } from '../../src/model/rollout-record.ts'

const figures = (requests: number, errors: number, times: Record<string, number> = {}): Figures => ({
  ...{ requests, errors, times },
})
const fine = figures(1_000, 10)
const judge = (gate: GateSpec, compared: Compared, without: Without = 'heard') =>
  judged(gate, compared, without)

describe('the gate', () => {
  test('compares with the Envoys without the revision at the same time, whatever was before', () => {
    const compared = { reached: figures(100, 3), before: noFigures }
    assert.equal(judge({}, { ...compared, others: figures(1_000, 25) }), undefined, '3% and 2.5%')
    assert.match(
      judge({}, { ...compared, others: fine })!,
      /^error rate 3\.0% of 100 requests, 1\.0% of the Envoys without it; 1 points more are allowed$/,
    )
    assert.equal(judge({ maxErrorRateIncrease: 2 }, { ...compared, others: fine }), undefined, '2 points')
  })

  test('where all have it, compares with the time before; without any, a canary with nothing', () => {
    const compared = { reached: figures(100, 3), others: noFigures }
    assert.match(judge({}, { ...compared, before: fine })!, /1\.0% before/)
    assert.equal(judge({}, { ...compared, before: figures(100, 3) }), undefined)
    assert.match(
      judge({}, { ...compared, before: noFigures })!,
      /^error rate 3\.0% of 100 requests; 1 points/,
    )
  })

  test('judges nothing by a few requests', () => {
    const compared = { others: fine, before: noFigures }
    assert.equal(judge({}, { ...compared, reached: figures(9, 9) }), undefined)
    assert.match(judge({}, { ...compared, reached: figures(10, 10) })!, /^error rate 100\.0%/)
    assert.equal(judge({ minRequests: 50 }, { ...compared, reached: figures(49, 49) }), undefined)
  })

  test('judges times where it is told to', () => {
    const slow = figures(100, 0, { 10: 98, 250: 2 })
    const compared = { reached: slow, others: figures(100, 0, { 10: 100 }), before: noFigures }
    assert.equal(judge({}, compared), undefined)
    assert.equal(judge({ maxP99Increase: '300ms' }, compared), undefined)
    assert.equal(
      judge({ maxP99Increase: '100ms' }, compared),
      'p99 250 ms of 100 requests, 10 ms of the Envoys without it; 100ms more is allowed',
    )
  })

  test('adds what replicas say', () => {
    const sum = sumOf([figures(1, 1, { 5: 1 }), figures(2, 0, { 5: 1, 10: 1 })])
    assert.deepEqual(sum, figures(3, 1, { 5: 2, 10: 1 }))
    assert.deepEqual([quantile(sum, 0.5), quantile(sum, 1), quantile(noFigures, 0.99)], [5, 10, undefined])
  })
})
