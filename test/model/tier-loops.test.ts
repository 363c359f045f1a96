import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Document } from '../../src/model/document.ts'
import { warningsOf } from '../../src/model/warnings.ts'
import { kinds } from '../../src/policies/index.ts'
import { stateOf } from '../support/state-of.ts'
import { gateway, tier } from '../support/tier-documents.ts'

const route = (gateways: string[], cluster: string) => ({
  kind: 'Route',
  name: `from-${gateways[0]!.replace('/', '-')}`,
  spec: { gateways, match: { path: { prefix: '/' } }, forward: [{ cluster }] },
})
const base = [gateway('edge', 10_000), gateway('internal', 10_010), tier('edge'), tier('internal')]

/** What is said of circles, of one of the documents. */
function circles(documents: object[], name: string) {
  const state = stateOf([...base, ...documents])!
  const document = [...base, ...documents].find((each) => (each as Document).name === name) as Document
  return warningsOf(kinds, [document], state)
    .filter(({ message }) => message.includes('circles'))
    .map(({ kind, name, pointer, message }) => `${kind}/${name} ${pointer} ${message.split(': ')[1]}`)
}

describe('tiers that forward in circles', () => {
  test('a route that forwards to its own listener is told', () => {
    assert.deepEqual(circles([route(['edge'], 'to-edge')], 'from-edge'), [
      'Route/from-edge /spec/forward/0/cluster edge/http, edge/http',
    ])
  })

  test('so is one that comes back by another gateway', () => {
    const documents = [route(['edge'], 'to-internal'), route(['internal'], 'to-edge')]
    assert.deepEqual(circles(documents, 'from-edge'), [
      'Route/from-edge /spec/forward/0/cluster edge/http, internal/http, edge/http',
    ])
  })

  test('so is one whose copies of requests come back', () => {
    const back = { ...route(['edge'], 'to-internal').spec, mirror: { cluster: 'to-edge' } }
    assert.deepEqual(circles([{ kind: 'Route', name: 'from-edge', spec: back }], 'from-edge'), [
      'Route/from-edge /spec/mirror/cluster edge/http, edge/http',
    ])
  })

  test('whoever writes the cluster is told of the routes', () => {
    assert.deepEqual(circles([route(['edge'], 'to-edge')], 'to-edge'), [
      'Route/from-edge /spec/forward/0/cluster edge/http, edge/http',
    ])
  })

  test('another listener of the same gateway is none, nor are tiers one after the other', () => {
    assert.deepEqual(circles([route(['edge/inner'], 'to-edge')], 'from-edge-inner'), [])
    assert.deepEqual(circles([route(['edge'], 'to-internal')], 'from-edge'), [])
    assert.deepEqual(circles([route(['edge'], 'to-internal')], 'to-internal'), [])
  })
})
