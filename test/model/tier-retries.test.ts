import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Document } from '../../src/model/document.ts'
import { warningsOf } from '../../src/model/warnings.ts'
import { kinds } from '../../src/policies/index.ts'
import { stateOf } from '../support/state-of.ts'
import { gateway, tier } from '../support/tier-documents.ts'

const base = [
  ...[gateway('edge', 10_000), gateway('middle', 10_010), gateway('internal', 10_020)],
  ...[tier('middle'), tier('internal')],
  { kind: 'Cluster', name: 'orders', spec: { endpoints: [{ address: '127.0.0.1', port: 9_000 }] } },
]
/** A route of the gateway that is named after it; `attempts` of 0 is no retry. */
const route = (on: string, cluster: string, attempts: number, more: object = {}) => ({
  kind: 'Route',
  name: `at-${on.replace('/', '-')}`,
  spec: {
    gateways: [on],
    match: { path: { prefix: '/' } },
    forward: [{ cluster }],
    ...(attempts > 0 && { retry: { attempts, on: ['5xx'] } }),
    ...more,
  },
})
const at = (prefix: string) => ({ match: { path: { prefix } } })

/** What is said of retries that multiply to who writes the document of that name. */
function told(documents: object[], name: string): string[] {
  const state = stateOf([...base, ...documents])
  assert.ok(state !== undefined)
  const document = [...base, ...documents].find((each) => (each as Document).name === name) as Document
  return warningsOf(kinds, [document], state)
    .filter(({ message }) => message.startsWith('retries multiply'))
    .map(({ kind, name, pointer, message, effect }) => {
      const times = /may get one request (\d+) times/.exec(effect)![1]
      return `${kind}/${name} ${pointer} ${message.split(': ')[1]} = ${times}`
    })
}

const twice = [
  'Route/at-edge /spec/retry it sends a request up to 3 times, and behind it Route/at-internal up to 4 times = 12',
]

describe('retries of tiers that multiply', () => {
  test('whoever writes one of the routes, or the cluster between them, is told of both and the product', () => {
    const documents = [route('edge', 'to-internal', 2), route('internal', 'orders', 3)]
    for (const name of ['at-edge', 'at-internal', 'to-internal'])
      assert.deepEqual(told(documents, name), twice, name)
    assert.deepEqual(told(documents, 'orders'), [])
    assert.deepEqual(told([...documents, route('middle', 'orders', 1)], 'at-middle'), [])
  })

  test('one tier that retries is not told of, nor one that retries only what got nowhere', () => {
    assert.deepEqual(told([route('edge', 'to-internal', 2), route('internal', 'orders', 0)], 'at-edge'), [])
    assert.deepEqual(told([route('edge', 'to-internal', 0), route('internal', 'orders', 3)], 'at-edge'), [])
    const safe = {
      retry: { attempts: 2, on: ['connect_failure', 'refused_stream', 'reset', 'reset_before_request'] },
    }
    const documents = [route('edge', 'to-internal', 0, safe), route('internal', 'orders', 3)]
    assert.deepEqual(told(documents, 'at-edge'), [])
    const hedged = { retry: { ...safe.retry, perTryTimeout: '1s', hedgeOnPerTryTimeout: true } }
    assert.deepEqual(told([route('edge', 'to-internal', 0, hedged), documents[1]!], 'at-edge'), twice)
    for (const bound of ['perTryTimeout', 'perTryIdleTimeout']) {
      // A try that is ended by its own time is a reset, and was served.
      const ended = { retry: { attempts: 2, on: ['reset'], [bound]: '1s' } }
      assert.deepEqual(told([route('edge', 'to-internal', 0, ended), documents[1]!], 'at-edge'), twice)
      const safe = { retry: { attempts: 2, [bound]: '1s' } }
      assert.deepEqual(told([route('edge', 'to-internal', 0, safe), documents[1]!], 'at-edge'), [])
    }
  })

  test('of three tiers the product is that of all, whether the one between retries or not', () => {
    const outer = route('edge', 'to-middle', 2)
    const inner = route('internal', 'orders', 3)
    assert.deepEqual(told([outer, route('middle', 'to-internal', 1), inner], 'at-edge'), [
      'Route/at-edge /spec/retry it sends a request up to 3 times, and behind it Route/at-middle up to 2 times, Route/at-internal up to 4 times = 24',
    ])
    assert.deepEqual(told([outer, route('middle', 'to-internal', 0), inner], 'at-internal'), twice)
  })

  test('routes that no request meets one after the other are not told of', () => {
    const pair = (outer: object, inner: object) =>
      told([route('edge', 'to-internal', 2, outer), route('internal', 'orders', 3, inner)], 'at-edge')
    assert.deepEqual(pair(at('/orders'), at('/users')), [])
    assert.deepEqual(pair(at('/orders'), at('/orders/open')), twice)
    assert.deepEqual(pair(at('/orders/open'), at('/orders')), twice)
    assert.deepEqual(pair(at('/orders/open'), { match: { path: { exact: '/orders' } } }), [])
    assert.deepEqual(pair({ match: { path: { exact: '/orders' } } }, at('/orders/open')), [])
    assert.deepEqual(pair(at('/orders'), { match: { path: { regex: '/orders[0-9]+' } } }), twice)
    assert.deepEqual(pair({ ...at('/orders'), rewrite: { prefix: '/users' } }, at('/users')), twice)
    assert.deepEqual(pair({ hosts: ['*.shop.example'] }, { hosts: ['www.shop.example'] }), twice)
    assert.deepEqual(pair({ hosts: ['shop.example'] }, { hosts: ['www.shop.example'] }), [])
    const methods = (list: string[]) => ({ match: { path: { prefix: '/' }, methods: list } })
    assert.deepEqual(pair(methods(['GET']), methods(['GET', 'PUT'])), twice)
    assert.deepEqual(pair(methods(['GET']), methods(['PUT'])), [])
    assert.deepEqual(pair({}, { gateways: ['internal/inner'] }), [])
  })

  test('a circle ends, and is told of once', () => {
    const documents = [route('internal', 'to-middle', 2), route('middle', 'to-internal', 3)]
    for (const name of ['at-middle', 'at-internal']) {
      assert.deepEqual(told(documents, name), [
        'Route/at-middle /spec/retry it sends a request up to 4 times, and behind it Route/at-internal up to 3 times = 12',
      ])
    }
  })
})
