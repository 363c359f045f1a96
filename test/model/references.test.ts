import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Document } from '../../src/model/document.ts'
import type { CheckContext } from '../../src/model/kind.ts'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { gatewaysConcerned } from '../../src/model/references.ts'
import { emptyState, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'

const context: CheckContext = { supervised: true, listenerAddress: '127.0.0.1' }

const object = (kind: string, name: string, spec: Record<string, unknown>): Document => ({
  kind,
  name,
  labels: {},
  owner: '',
  spec,
})
const gateway = (name: string, port: number) =>
  object('Gateway', name, { listeners: [{ name: 'http', port, protocol: 'http' }] })
const cluster = (name: string) => object('Cluster', name, { endpoints: [] })
const route = (name: string, gateways: string[], to: string, rateLimits: string[] = []) =>
  object('Route', name, {
    gateways,
    match: { path: { prefix: '/' } },
    forward: [{ cluster: to }],
    rateLimits,
  })
const limit = (name: string) =>
  object('RateLimitPolicy', name, {
    algorithm: 'fixed_window',
    limit: 1,
    window: '1s',
    key: [{ constant: 'x' }],
  })

const put = (...documents: Document[]): Edit[] =>
  documents.map((document, index) => ({ op: 'put', object: document, document: index }))
const remove = (kind: string, name: string): Edit => ({ op: 'delete', kind, name, document: 0 })

function written(...documents: Document[]): State {
  const plan = planWrite(kinds, emptyState, put(...documents), context)
  assert.deepEqual(plan.problems, [])
  return plan.next
}

const shop = () =>
  written(
    gateway('edge', 1),
    gateway('internal', 2),
    cluster('a'),
    cluster('b'),
    cluster('unused'),
    limit('per-key'),
    route('r1', ['edge'], 'a', ['per-key']),
    route('r2', ['internal/http', 'edge'], 'b'),
    gateway('domain', 3),
    object('Cluster', 'to-domain', { gateway: { name: 'domain', listener: 'http' } }),
    route('r3', ['internal'], 'to-domain'),
    route('r4', ['domain'], 'c'),
    cluster('c'),
  )

describe('gateways concerned by a change', () => {
  const cases: [string, string, string[]][] = [
    ['Gateway', 'internal', ['internal']],
    ['Route', 'r1', ['edge']],
    ['Route', 'r2', ['edge', 'internal']],
    ['Cluster', 'a', ['edge']],
    ['Cluster', 'b', ['edge', 'internal']],
    ['Cluster', 'unused', []],
    ['RateLimitPolicy', 'per-key', ['edge']],
    // Whose listener it forwards to is behind another gateway; what a gateway listens on is the endpoints of those before it.
    ['Cluster', 'to-domain', ['domain', 'internal']],
    ['Gateway', 'domain', ['domain', 'internal']],
    ['Route', 'r4', ['domain']],
  ]
  for (const [kind, name, expected] of cases) {
    test(`${kind}/${name}`, () => {
      assert.deepEqual([...gatewaysConcerned(kinds, shop(), [{ kind, name }])].sort(), expected)
    })
  }
})

describe('planning a write', () => {
  test('deleting what is named is told on it, with who names it', () => {
    const plan = planWrite(kinds, shop(), [remove('Cluster', 'a')], context)
    assert.equal(plan.referenced, true)
    assert.match(
      plan.problems[0]!.message,
      /Cluster\/a is still named by Route\/r1 at \/spec\/forward\/0\/cluster/,
    )
  })

  test('deleting both in one write is fine', () => {
    const plan = planWrite(kinds, shop(), [remove('Cluster', 'a'), remove('Route', 'r1')], context)
    assert.deepEqual(plan.problems, [])
    assert.deepEqual(
      plan.changes.map(({ action }) => action),
      ['deleted', 'deleted'],
    )
  })

  test('taking a listener away that a route names is refused on the gateway', () => {
    const renamed = object('Gateway', 'internal', {
      listeners: [{ name: 'other', port: 2, protocol: 'http' }],
    })
    const plan = planWrite(kinds, shop(), put(renamed), context)
    assert.equal(plan.problems[0]!.pointer, '/spec/listeners')
    assert.match(plan.problems[0]!.message, /Route\/r2 names listener "http" of Gateway\/internal/)
  })

  test('a document equal to what is stored, whatever its key order, changes nothing', () => {
    const state = shop()
    const same = object('Route', 'r1', {
      rateLimits: ['per-key'],
      forward: [{ cluster: 'a' }],
      match: { path: { prefix: '/' } },
      gateways: ['edge'],
    })
    const plan = planWrite(kinds, state, put(same), context)
    assert.deepEqual(plan.changes, [{ kind: 'Route', name: 'r1', action: 'unchanged' }])
    assert.equal(plan.next, state)
  })

  test('two gateways may share a port only where weir does not run both', () => {
    const edits = put(gateway('one', 7), gateway('two', 7))
    assert.equal(planWrite(kinds, emptyState, edits, context).problems[0]!.pointer, '/spec/listeners/0/port')
    assert.deepEqual(planWrite(kinds, emptyState, edits, { ...context, supervised: false }).problems, [])
  })

  test('a listener on every address conflicts with one on any address of the port', () => {
    const wide = object('Gateway', 'wide', {
      listeners: [
        { name: 'a', port: 7, protocol: 'http', address: '0.0.0.0' },
        { name: 'b', port: 7, protocol: 'http', address: '127.0.0.9' },
        { name: 'c', port: 8, protocol: 'http', address: '127.0.0.9' },
        { name: 'd', port: 8, protocol: 'http', address: '127.0.0.8' },
      ],
    })
    const { problems } = planWrite(kinds, emptyState, put(wide), context)
    assert.deepEqual(
      problems.map(({ pointer }) => pointer),
      ['/spec/listeners/1/port'],
    )
  })

  test('the built-in outlier detection needs no policy; one that is written for it may come and go', () => {
    const cluster = object('Cluster', 'a', { endpoints: [] })
    const none = object('Cluster', 'b', { endpoints: [], outlierDetection: 'none' })
    const own = object('OutlierDetectionPolicy', 'default', { consecutive5xx: 3 })
    const state = written(gateway('edge', 1), cluster, none, own, route('r', ['edge'], 'a'))
    assert.deepEqual(gatewaysConcerned(kinds, state, [{ kind: own.kind, name: own.name }]), new Set(['edge']))
    const plan = planWrite(kinds, state, [remove(own.kind, own.name)], context)
    assert.deepEqual([plan.problems, plan.changes[0]!.action], [[], 'deleted'])
    const unknown = object('Cluster', 'c', { endpoints: [], outlierDetection: 'defaults' })
    assert.equal(
      planWrite(kinds, state, put(unknown), context).problems[0]!.pointer,
      '/spec/outlierDetection',
    )
  })
})
