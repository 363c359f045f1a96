import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compile } from '../../src/compile/compile.ts'
import { type Message, typeUrls } from '../../src/envoy-api/types.ts'
import type { Document } from '../../src/model/document.ts'
import { warningsOf } from '../../src/model/warnings.ts'
import { kinds } from '../../src/policies/index.ts'
import type { Written } from '../support/example.ts'
import { testLive } from '../support/live.ts'
import { stateOf } from '../support/state-of.ts'

const live = testLive()
const base: Written[] = [
  { kind: 'Gateway', name: 'edge', spec: { listeners: [{ name: 'http', port: 1, protocol: 'http' }] } },
  {
    kind: 'Route',
    name: 'r',
    spec: { gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: 'a' }] },
  },
]
const cluster = (spec: object): Written => ({ kind: 'Cluster', name: 'a', spec: { endpoints: [], ...spec } })
const policy = (name: string, spec: Record<string, unknown>): Written => {
  return { kind: 'OutlierDetectionPolicy', name, spec }
}

function compiled(...documents: Written[]) {
  const { resources, provenance } = compile(stateOf([...base, ...documents])!, 'edge', live)
  return {
    cluster: resources.get(typeUrls.cluster)!.get('a') as Message & { common_lb_config: Message },
    endpoints: resources.get(typeUrls.endpoints)!.get('a'),
    origins: provenance.of(typeUrls.cluster, 'a').map(({ kind }) => kind),
  }
}

const panic = (...documents: Written[]) =>
  compiled(...documents).cluster.common_lb_config.healthy_panic_threshold

describe('a cluster as Envoy gets it', () => {
  test('its policy had a part in it', () => {
    assert.deepEqual(compiled(cluster({})).origins, ['Cluster'])
    const own = policy('default', { consecutive5xx: 1 })
    assert.deepEqual(compiled(cluster({}), own).origins, ['Cluster', 'OutlierDetectionPolicy'])
  })

  test('its endpoints are told one by one up to a thousand', () => {
    const endpoints = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        address: `10.0.${index >> 8}.${index & 255}`,
        port: 80,
      }))
    const tracked = (count: number) =>
      compiled(cluster({ endpoints: endpoints(count) })).cluster.track_cluster_stats
    assert.deepEqual(tracked(1_000), { per_endpoint_stats: true })
    assert.equal(tracked(1_001), undefined)
  })

  test('the panic threshold is the cluster’s, else the policy’s, else 0', () => {
    const own = policy('own', { panicThreshold: 30 })
    const named = { outlierDetection: 'own' }
    assert.deepEqual(panic(cluster({})), { value: 0 })
    assert.deepEqual(panic(cluster(named), own), { value: 30 })
    assert.deepEqual(panic(cluster({ ...named, loadBalancing: { panicThreshold: 0 } }), own), { value: 0 })
  })

  test('with a host name it brings its endpoints', () => {
    const { endpoints, cluster: message } = compiled(
      cluster({ endpoints: [{ address: 'a.example', port: 1 }] }),
    )
    assert.equal(endpoints, undefined)
    assert.ok('load_assignment' in message)
  })

  test('the same documents give the same objects, which need no encoding again', () => {
    const state = stateOf([...base, cluster({})])!
    const [first, second] = [compile(state, 'edge', live), compile(state, 'edge', live)]
    for (const type of [typeUrls.cluster, typeUrls.endpoints]) {
      assert.equal(first.resources.get(type)!.get('a'), second.resources.get(type)!.get('a'))
    }
  })
})

test('unequal weights under random are told', () => {
  const endpoints = [80, 20].map((weight, index) => ({ address: '127.0.0.1', port: index + 1, weight }))
  const warned = (spec: object) => {
    const document = { labels: {}, owner: '', ...cluster({ endpoints, ...spec }) } as Document
    return warningsOf(kinds, [document], stateOf(base.slice(0, 1))!).map(({ effect }) => effect)
  }
  const effect = 'all endpoints get the same share'
  assert.ok(warned({ loadBalancing: { policy: 'random' } }).includes(effect))
  assert.ok(!warned({}).includes(effect))
})
