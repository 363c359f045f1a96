import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { whyLeftAlone } from '../../src/control/health/why.ts'
import type { Gauges } from '../../src/xds/cluster-stats.ts'

/** A cluster of three with health checks. */
const gauges = (passing: number, ejected = 0, degraded = 0): Gauges => ({
  membership_total: 3,
  membership_degraded: degraded,
  'health_check.healthy': passing,
  'outlier_detection.ejections_active': ejected,
})
const told = (a: boolean, b: boolean, c: boolean) => new Map(Object.entries({ a, b, c }))

/** What is known after an Envoy said these, one after the other. */
function after(...said: [Gauges, Map<string, boolean>][]): Record<string, string> {
  let before: Parameters<typeof whyLeftAlone>[2]
  for (const [gauges, endpoints] of said)
    before = { gauges, endpoints: whyLeftAlone(gauges, endpoints, before) }
  return Object.fromEntries(before!.endpoints!)
}

describe('why an endpoint is left alone', () => {
  test('where only one reason is there, it is that of all', () => {
    assert.deepEqual(after([gauges(3), told(true, true, true)]), { a: 'healthy', b: 'healthy', c: 'healthy' })
    assert.deepEqual(after([gauges(1), told(false, false, true)]), {
      ...{ a: 'failed_health_check', b: 'failed_health_check', c: 'healthy' },
    })
    assert.deepEqual(after([gauges(3, 2), told(false, true, false)]), {
      a: 'ejected',
      b: 'healthy',
      c: 'ejected',
    })
    assert.deepEqual(after([gauges(3, 0, 1), told(true, false, true)]), {
      a: 'healthy',
      b: 'degraded',
      c: 'healthy',
    })
  })

  test('one after the other they are told apart, and together not', () => {
    const apart = after(
      [gauges(3), told(true, true, true)],
      [gauges(2), told(false, true, true)],
      [gauges(2, 1), told(false, false, true)],
    )
    assert.deepEqual(apart, { a: 'failed_health_check', b: 'ejected', c: 'healthy' })
    const together = after([gauges(3), told(true, true, true)], [gauges(2, 1), told(false, false, true)])
    assert.deepEqual(together, { a: 'unhealthy', b: 'unhealthy', c: 'healthy' })
  })

  test('one that is known tells of the other', () => {
    const missed = after(
      [gauges(2), told(false, true, true)],
      [gauges(1, 1), told(false, false, false)],
      [gauges(2, 1), told(false, false, true)],
    )
    assert.deepEqual(missed, { a: 'failed_health_check', b: 'ejected', c: 'healthy' })
  })

  test('what cannot be any more is taken back', () => {
    const changed = after(
      [gauges(2), told(false, true, true)],
      [gauges(2, 1), told(false, true, true)],
      [gauges(3, 1), told(false, true, true)],
    )
    assert.deepEqual(changed, { a: 'ejected', b: 'healthy', c: 'healthy' })
  })

  test('one that is left alone for neither reason, as one that drains, is not taken for either', () => {
    assert.deepEqual(after([gauges(3), told(false, true, true)]), {
      a: 'unhealthy',
      b: 'healthy',
      c: 'healthy',
    })
    assert.deepEqual(after([gauges(3), told(false, true, true)], [gauges(3, 1), told(false, false, true)]), {
      ...{ a: 'unhealthy', b: 'ejected', c: 'healthy' },
    })
  })
})
