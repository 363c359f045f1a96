import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Edit, planWrite } from '../../src/model/plan-write.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { emptyState } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'

const gateway = (rateLimits: string[] = []) => ({
  kind: 'Gateway',
  name: 'edge',
  spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }], rateLimits },
})
const route = (rateLimits: string[], more: object = {}) => ({
  kind: 'Route',
  name: 'all',
  spec: {
    gateways: ['edge'],
    match: { path: { prefix: '/' } },
    forward: [{ cluster: 'a' }],
    rateLimits,
    ...more,
  },
})
const cluster = { kind: 'Cluster', name: 'a', spec: { endpoints: [{ address: '127.0.0.1', port: 9_000 }] } }
const key = [{ constant: 'all' }]
const leaky = (name: string, queue = 5, more: object = {}) => ({
  kind: 'RateLimitPolicy',
  name,
  spec: { algorithm: 'leaky_bucket', queue, rate: { requests: 1, every: '1s' }, key, ...more },
})
const window = (name: string) => ({
  kind: 'RateLimitPolicy',
  name,
  spec: { algorithm: 'fixed_window', limit: 5, window: '1s', key },
})
const responding = { forward: undefined, rateLimits: undefined, respond: { status: 200 } }

/** The problems of a write to a state that `before` made, as `Kind/name pointer`. */
function problems(before: object[], ...write: object[]): string[] {
  const edits = (documents: object[]): Edit[] =>
    documents.map((value, document) => {
      const object = readDocument(kinds, JSON.parse(JSON.stringify(value))).document
      assert.ok(object !== undefined, JSON.stringify(value))
      return { op: 'put', object, document }
    })
  const context = { supervised: false, listenerAddress: '127.0.0.1' }
  const stored = planWrite(kinds, emptyState, edits(before), context)
  assert.deepEqual(stored.problems, [])
  return planWrite(kinds, stored.next, edits(write), context).problems.map(({ document, pointer }) => {
    const { kind, name } = write[document!] as { kind: string; name: string }
    return `${kind}/${name} ${pointer}`
  })
}

describe('a second leaky bucket is refused on the object that brings it', () => {
  const both = [gateway(), cluster, leaky('one'), leaky('two'), window('plain')]

  test('by the route', () => {
    assert.deepEqual(problems([...both, route(['one'])], route(['one', 'plain', 'two'])), [
      'Route/all /spec/rateLimits/2',
    ])
  })

  test('by the gateway of a route that has one', () => {
    assert.deepEqual(problems([...both, route(['one'])], gateway(['plain', 'two'])), [
      'Gateway/edge /spec/rateLimits/1',
    ])
    assert.deepEqual(problems([...both, route(['one'])], gateway(['one'])), [])
  })

  test('by a gateway with two, whether or not it has routes', () => {
    assert.deepEqual(problems(both, gateway(['one', 'two'])), ['Gateway/edge /spec/rateLimits/1'])
  })

  test('by the algorithm of a policy', () => {
    const before = [...both, route(['one', 'plain'])]
    assert.deepEqual(problems(before, leaky('plain')), ['RateLimitPolicy/plain /spec/algorithm'])
    const ofGateway = [gateway(['plain']), ...both.slice(1), route(['one'])]
    assert.deepEqual(problems(ofGateway, leaky('plain')), ['RateLimitPolicy/plain /spec/algorithm'])
  })

  test('by a route that comes to a gateway with one; a route that answers itself has none', () => {
    const before = [gateway(['one']), cluster, leaky('one'), leaky('two')]
    assert.deepEqual(problems(before, route(['two'])), ['Route/all /spec/rateLimits/0'])
    assert.deepEqual(problems(before, route([], responding)), [])
  })

  test('and by nobody else: other writes go on', () => {
    assert.deepEqual(problems([...both, route(['one', 'plain'])], window('plain'), leaky('two', 6)), [])
  })
})

describe('a wait beyond what ends a waiting request is refused on the object that brings it', () => {
  test('by the queue, by the override that has it, by the rate', () => {
    const before = [gateway(), cluster, leaky('queue', 300), route(['queue'])]
    assert.deepEqual(problems(before, leaky('queue', 301)), ['RateLimitPolicy/queue /spec/queue'])
    const overrides = [{ match: { path: '/slow' }, queue: 301 }]
    assert.deepEqual(problems(before, leaky('queue', 300, { overrides })), [
      'RateLimitPolicy/queue /spec/overrides/0/queue',
    ])
    const plans = { gold: { rate: { requests: 1, every: '2s' } } }
    assert.deepEqual(problems(before, leaky('queue', 300, { plans })), ['RateLimitPolicy/queue /spec/queue'])
  })

  test('by the route, that names it or is idle for less; 0s is no timeout', () => {
    const before = [gateway(), cluster, leaky('queue', 400), leaky('short', 10), route(['short'])]
    assert.deepEqual(problems(before, route(['queue'])), ['Route/all /spec/rateLimits/0'])
    assert.deepEqual(problems(before, route(['queue'], { idleTimeout: '400s' })), [])
    assert.deepEqual(problems(before, route(['queue'], { idleTimeout: '399s' })), [
      'Route/all /spec/idleTimeout',
    ])
    assert.deepEqual(problems(before, route(['queue'], { idleTimeout: '0s' })), [])
    assert.deepEqual(problems(before, route(['short'], { idleTimeout: '9s' })), [
      'Route/all /spec/idleTimeout',
    ])
  })

  test('by the listener, whose time holds where the route has none', () => {
    const before = [gateway(), cluster, leaky('queue', 10), route(['queue'])]
    const patient = (listener: object, other: object = {}) => {
      const [http] = gateway().spec.listeners
      const listeners = [
        { ...http, ...listener },
        { ...http, name: 'other', port: 10_001, ...other },
      ]
      return { ...gateway(), spec: { listeners } }
    }
    const refused = ['Gateway/edge /spec/listeners/0/idleTimeout']
    assert.deepEqual(problems(before, patient({ idleTimeout: '9s' })), refused)
    assert.deepEqual(problems(before, patient({ idleTimeout: '10s' }, { idleTimeout: '0s' })), [])
    assert.deepEqual(problems(before, patient({}, { maxStreamDuration: '9s' })), [
      'Gateway/edge /spec/listeners/1/maxStreamDuration',
    ])
    const elsewhere = route(['queue'], { gateways: ['edge/http'] })
    assert.deepEqual(problems([...before.slice(0, 3), elsewhere], patient({}, { idleTimeout: '9s' })), [])
    assert.deepEqual(problems([patient({ idleTimeout: '9s' }), ...before.slice(1, 3)], route(['queue'])), [
      'Route/all /spec/rateLimits/0',
    ])
    assert.deepEqual(problems(before, route(['queue'], { maxStreamDuration: '9s' })), [
      'Route/all /spec/maxStreamDuration',
    ])
  })

  test('by a route that comes to a gateway with it', () => {
    const before = [gateway(['queue']), cluster, leaky('queue', 400)]
    assert.deepEqual(problems(before, route([])), ['Route/all /spec/gateways'])
    assert.deepEqual(problems(before, route([], { idleTimeout: '10s' })), ['Route/all /spec/idleTimeout'])
    assert.deepEqual(problems(before, route([], responding)), [])
  })

  test('by the gateway', () => {
    const before = [gateway(), cluster, leaky('queue', 400), route([])]
    assert.deepEqual(problems(before, gateway(['queue'])), ['Gateway/edge /spec/rateLimits/0'])
    assert.deepEqual(problems([gateway(), leaky('queue', 400)], gateway(['queue'])), [])
  })
})
