import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PlainClient, plainSnapshot } from './plain.ts'

describe('subscriptions over delta', () => {
  test('the wildcard can be given up and taken again', () => {
    const client = new PlainClient('delta', plainSnapshot(1, { cluster: { a: '1', b: '1' } }))
    client.ask('cluster', { subscribe: ['*', 'a'] })
    client.ack('cluster')
    assert.deepEqual(client.ask('cluster', { unsubscribe: ['*'] }), [])
    const next = plainSnapshot(2, { cluster: { a: '2', b: '2' } })
    assert.deepEqual(client.publish(next), ['cluster +a@2'])
    client.ack('cluster')
    assert.deepEqual(client.ask('cluster', { subscribe: ['*'] }), ['cluster +b@2'])
  })

  test('a wildcard that came without names stays when a name is added', () => {
    const client = new PlainClient('delta', plainSnapshot(1, { cluster: { a: '1', b: '1' } }))
    client.ask('cluster')
    client.ack('cluster')
    assert.deepEqual(client.ask('cluster', { subscribe: ['a'] }), ['cluster +a@1'])
    client.ack('cluster')
    assert.deepEqual(client.publish(plainSnapshot(2, { cluster: { a: '1', b: '2' } })), ['cluster +b@2'])
  })

  test('under the wildcard, a name that is given up is answered', () => {
    const client = new PlainClient('delta', plainSnapshot(1, { cluster: { a: '1' } }))
    client.ask('cluster', { subscribe: ['*', 'a', 'z'] })
    client.ack('cluster')
    assert.deepEqual(client.ask('cluster', { unsubscribe: ['a', 'z'] }), ['cluster +a@1 -z'])
  })

  test('the wildcard in both lists means nothing at all', () => {
    const client = new PlainClient('delta', plainSnapshot(1, { endpoints: { a: '1' } }))
    assert.deepEqual(client.ask('endpoints', { subscribe: ['*'], unsubscribe: ['*'] }), [])
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), ['endpoints +a@1'])
  })

  test('a type that is not served gets no answer, but a name of it is said to be absent', () => {
    const client = new PlainClient('delta', plainSnapshot(1, {}))
    assert.deepEqual(client.ask('type.googleapis.com/a.B'), [])
    assert.equal(client.delivery(), 'acked')
    const runtime = 'type.googleapis.com/envoy.service.runtime.v3.Runtime'
    assert.deepEqual(client.ask(runtime, { subscribe: ['s'] }), [`${runtime} -s`])
  })

  test('a name that is asked for again is sent again', () => {
    const client = new PlainClient('delta', plainSnapshot(1, { endpoints: { a: '1' } }))
    client.ask('endpoints', { subscribe: ['a'] })
    client.ack('endpoints')
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), ['endpoints +a@1'])
  })
})
