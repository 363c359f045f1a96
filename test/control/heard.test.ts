import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HeardHealth } from '../../src/control/health/heard.ts'
import type { ClusterStats } from '../../src/xds/cluster-stats.ts'

const edge = { gateway: 'edge', id: 'edge-1' }

function stats(healthy: number, more: Partial<ClusterStats> = {}): ClusterStats {
  return {
    gauges: { membership_total: 2, membership_healthy: healthy },
    counts: {},
    endpoints: new Map(),
    ...more,
  }
}
const told = (...clusters: [string, ClusterStats][]) => new Map(clusters)

describe('what Envoys told of their clusters', () => {
  test('the newest of each is kept, and what is counted adds up', () => {
    const heard = new HeardHealth()
    const counts = { 'health_check.attempt': 3 }
    heard.hear(edge, told(['shop', stats(2, { counts })]), 1_000)
    const [[before, now]] = heard.hear(edge, told(['shop', stats(1, { counts })]), 3_000) as [
      [object, object],
    ]
    assert.deepEqual(before, heardOf(2, 1_000, 3))
    assert.deepEqual(now, heardOf(1, 3_000, 6))
    assert.deepEqual(heard.of('shop'), [now])
    assert.deepEqual(heard.heardAt(), [{ ...edge, at: 3_000 }])
  })

  function heardOf(healthy: number, at: number, attempts: number) {
    const { gauges } = stats(healthy)
    return {
      ...edge,
      cluster: 'shop',
      at,
      since: 1_000,
      gauges,
      counts: { 'health_check.attempt': attempts },
      endpoints: undefined,
    }
  }

  test('a gauge of a former process of the Envoy does not stay', () => {
    const heard = new HeardHealth()
    heard.hear(
      edge,
      told(['shop', stats(1, { gauges: { membership_total: 2, 'outlier_detection.ejections_active': 1 } })]),
      0,
    )
    heard.hear(edge, told(['shop', stats(2)]), 2_000)
    assert.deepEqual(heard.of('shop')[0]!.gauges, { membership_total: 2, membership_healthy: 2 })
  })

  test('a cluster that the Envoy tells of no more is gone after 20 s, and an Envoy after ten minutes', () => {
    const heard = new HeardHealth()
    heard.hear(edge, told(['shop', stats(2)], ['cart', stats(2)]), 0)
    heard.hear(edge, told(['shop', stats(2)]), 20_000)
    assert.equal(heard.of('cart').length, 1)
    heard.hear(edge, told(['shop', stats(2)]), 20_001)
    assert.equal(heard.of('cart').length, 0)
    heard.hear({ gateway: 'edge', id: 'edge-2' }, told(['shop', stats(2)]), 620_002)
    assert.deepEqual(
      heard.of().map(({ id }) => id),
      ['edge-2'],
    )
  })

  test('what is beyond the bounds is passed over and counted; who is known stays so', () => {
    const endpoints = new Map([
      ['10.0.0.1:80', true],
      ['10.0.0.2:80', true],
    ])
    const heard = new HeardHealth({ envoys: 1, clusters: 2, endpoints: 3 })
    heard.hear(edge, told(['a', stats(2, { endpoints })], ['b', stats(2)], ['c', stats(2)]), 0)
    assert.deepEqual([heard.of().map(({ cluster }) => cluster), heard.passedOver], [['a', 'b'], 1])
    heard.hear(edge, told(['b', stats(1, { endpoints })], ['a', stats(1, { endpoints })]), 2_000)
    const known = heard.of().map(({ cluster, gauges }) => [cluster, gauges.membership_healthy])
    assert.deepEqual(
      [known, heard.passedOver],
      [
        [
          ['a', 1],
          ['b', 2],
        ],
        2,
      ],
    )
    heard.hear({ gateway: 'edge', id: 'edge-2' }, told(['a', stats(2)]), 3_000)
    assert.deepEqual([heard.heardAt().length, heard.passedOver], [1, 3])
    // What is forgotten makes room.
    heard.hear(
      { gateway: 'edge', id: 'edge-2' },
      told(['x', stats(2, { endpoints })], ['y', stats(2)]),
      700_000,
    )
    assert.deepEqual(
      heard.of().map(({ cluster }) => cluster),
      ['x', 'y'],
    )
  })
})
