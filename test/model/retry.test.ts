import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Document } from '../../src/model/document.ts'
import { effective } from '../../src/model/effective.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { route as kind } from '../../src/model/route.ts'
import { warningsOf } from '../../src/model/warnings.ts'
import { kinds } from '../../src/policies/index.ts'
import { stateOf } from '../support/state-of.ts'

const route = (more: object) => ({
  kind: 'Route',
  name: 'all',
  spec: { ...{ gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: 'a' }] }, ...more },
})

describe('a retry without anything written', () => {
  test('is of what no endpoint began to serve, and shows all that holds', () => {
    const { retry } = effective<{ retry: object }>(kind.spec, route({ retry: {} }).spec)
    assert.deepEqual(retry, {
      attempts: 2,
      on: ['connect_failure', 'refused_stream', 'reset_before_request'],
      hedgeOnPerTryTimeout: false,
      backoff: { baseInterval: '25ms', maxInterval: '250ms' },
      retryAfter: { resetHeaders: [{ name: 'retry-after', format: 'seconds' }], maxInterval: '5s' },
      hostSelectionRetryMaxAttempts: 5,
    })
  })

  test('is no retry where there is none', () => {
    assert.equal('retry' in effective<object>(kind.spec, route({}).spec), false)
  })
})

describe('the bounds of a try beside that of the request', () => {
  const pointers = (more: object) => readDocument(kinds, route(more)).problems.map(({ pointer }) => pointer)
  const retry = (bounds: object) => ({ on: ['5xx'], ...bounds })

  test('must be shorter than it, the one that is written and the one that is not', () => {
    assert.deepEqual(pointers({ timeout: '2s', retry: retry({ perTryTimeout: '2s' }) }), [
      '/spec/retry/perTryTimeout',
    ])
    assert.deepEqual(pointers({ timeout: '2s', retry: retry({ perTryTimeout: '1999ms' }) }), [])
    assert.deepEqual(pointers({ retry: retry({ perTryIdleTimeout: '15s' }) }), [
      '/spec/retry/perTryIdleTimeout',
    ])
    assert.deepEqual(pointers({ retry: retry({ perTryIdleTimeout: '14s', perTryTimeout: '14s' }) }), [])
  })

  test('are any where it has none', () => {
    assert.deepEqual(pointers({ timeout: '0s', retry: retry({ perTryTimeout: '1h' }) }), [])
  })
})

describe('a try that is ended and not tried again', () => {
  const documents = (retry: object): object[] => [
    {
      kind: 'Gateway',
      name: 'edge',
      spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] },
    },
    { kind: 'Cluster', name: 'a', spec: { endpoints: [] } },
    route({ retry }),
  ]
  const told = (retry: object) => {
    const state = stateOf(documents(retry))
    assert.ok(state !== undefined)
    return warningsOf(kinds, [documents(retry)[2] as Document], state).map(({ pointer }) => pointer)
  }

  test('is told of', () => {
    assert.deepEqual(told({ perTryTimeout: '1s' }), ['/spec/retry/on'])
    assert.deepEqual(told({ perTryIdleTimeout: '1s' }), ['/spec/retry/on'])
    assert.deepEqual(told({ perTryTimeout: '1s', on: ['reset_before_request', 'unavailable'] }), [
      '/spec/retry/on',
    ])
  })

  test('is not where it is, or is hedged, or has no time of its own', () => {
    assert.deepEqual(told({ perTryTimeout: '1s', on: ['gateway_error'] }), [])
    assert.deepEqual(told({ perTryTimeout: '1s', on: ['5xx'] }), [])
    assert.deepEqual(told({ perTryTimeout: '1s', on: ['reset'] }), [])
    assert.deepEqual(told({ perTryTimeout: '1s', hedgeOnPerTryTimeout: true }), [])
    assert.deepEqual(told({ on: ['reset'] }), [])
  })

  test('of hedges, which Envoy does not end, is told, too', () => {
    const hedged = { on: ['5xx'], perTryTimeout: '1s', hedgeOnPerTryTimeout: true }
    assert.deepEqual(told({ ...hedged, perTryIdleTimeout: '500ms' }), ['/spec/retry/perTryIdleTimeout'])
    assert.deepEqual(told({ ...hedged, hedgeOnPerTryTimeout: false, perTryIdleTimeout: '500ms' }), [])
  })
})
