import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tierEndpoints } from '../../src/compile/cluster/tier-endpoints.ts'
import { testLive } from '../support/live.ts'
import { stateOf } from '../support/state-of.ts'

interface Envoy {
  addresses?: string[]
  peer?: string
}

/** Where a cluster that forwards to these Envoys finds them. */
function found(
  envoys: Envoy[],
  { address, fallback = '0.0.0.0' }: { address?: string; fallback?: string } = {},
) {
  const listener = { name: 'http', port: 8080, protocol: 'http', ...(address !== undefined && { address }) }
  const state = stateOf([{ kind: 'Gateway', name: 'internal', spec: { listeners: [listener] } }])!
  const announced = envoys.map(({ addresses = [], peer = '192.0.2.1' }, index) => ({
    ...{ gateway: 'internal', node: `internal-${index}`, addresses, peer },
  }))
  const live = testLive({ listenerAddress: fallback, announced: new Map([['internal', announced]]) })
  const target = { name: 'internal', listener: 'http' }
  return tierEndpoints(state, target, live).map(({ address, port }) => {
    assert.equal(port, 8080)
    return address
  })
}

describe('the endpoints of a tier', () => {
  test('are the announced addresses, each once, in one order whoever came first', () => {
    const [one, two] = [{ addresses: ['10.0.0.2', '10.0.0.3'] }, { addresses: ['10.0.0.1', '10.0.0.2'] }]
    assert.deepEqual(found([one, two]), ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    assert.deepEqual(found([two, one]), ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
  })

  test('are where the stream comes from, of Envoys that announce nothing', () => {
    assert.deepEqual(found([{ peer: '192.0.2.7' }, { addresses: ['10.0.0.1'], peer: '192.0.2.8' }]), [
      '10.0.0.1',
      '192.0.2.7',
    ])
  })

  test('are of the family on which the listener is', () => {
    const envoys = [
      { addresses: ['10.0.0.1', '2001:db8::1'] },
      { peer: '2001:db8::2' },
      { peer: '192.0.2.7' },
    ]
    assert.deepEqual(found(envoys, { address: '0.0.0.0' }), ['10.0.0.1', '192.0.2.7'])
    assert.deepEqual(found(envoys, { address: '::' }), ['2001:db8::1', '2001:db8::2'])
  })

  test('are where the listener is bound, of Envoys that announce nothing', () => {
    assert.deepEqual(found([{ peer: '192.0.2.7' }, { peer: '192.0.2.8' }], { address: '10.0.0.9' }), [
      '10.0.0.9',
    ])
    assert.deepEqual(found([{ addresses: ['203.0.113.1'] }], { address: '10.0.0.9' }), ['203.0.113.1'])
  })

  test('are not a loopback address by which Envoys elsewhere would find themselves', () => {
    const envoys = [{ peer: '192.0.2.7' }]
    assert.deepEqual(found(envoys, { address: '127.0.0.1' }), [])
    assert.deepEqual(found(envoys, { fallback: '127.0.0.1' }), [])
    assert.deepEqual(found([...envoys, { peer: '127.0.0.1' }], { fallback: '127.0.0.3' }), ['127.0.0.3'])
  })

  test('are none while no Envoy is there, and 10,000 at most', () => {
    assert.deepEqual(found([]), [])
    const many = Array.from({ length: 1_000 }, (_, index) => ({
      addresses: Array.from({ length: 16 }, (_, at) => `10.${at}.${index >> 8}.${index & 255}`),
    }))
    assert.equal(found(many).length, 10_000)
  })
})
