import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { announcedBy, movedGateways } from '../../src/control/announced.ts'

const at = (node: string, address: string, gateway = 'internal') => ({
  ...{ gateway, node, addresses: [address], peer: '192.0.2.1' },
})
const known = (node: string, address: string, live: boolean) => ({ ...at(node, address), live })
const nobody = { known: [], left: [], present: [] }

function addresses(parts: Partial<Parameters<typeof announcedBy>[0]>): string[] | undefined {
  return announcedBy({ ...nobody, ...parts })
    .get('internal')
    ?.flatMap((each) => each.addresses)
}

describe('where the Envoys of a gateway are', () => {
  test('is what every replica knows and what this one sees', () => {
    const parts = { known: [known('a', '10.0.0.1', true)], present: [at('b', '10.0.0.2')] }
    assert.deepEqual(addresses(parts), ['10.0.0.1', '10.0.0.2'])
  })

  test('stays what it was while streams are lost', () => {
    const parts = { known: [known('a', '10.0.0.1', false)], left: [at('b', '10.0.0.2')] }
    assert.deepEqual(addresses(parts), ['10.0.0.1', '10.0.0.2'])
  })

  test('is where one is that came back elsewhere, and not where it was', () => {
    const before = known('a', '10.0.0.1', false)
    assert.deepEqual(addresses({ known: [before, known('a', '10.0.0.9', true)] }), ['10.0.0.9'])
    assert.deepEqual(addresses({ known: [before], present: [at('a', '10.0.0.9')] }), ['10.0.0.9'])
    const left = [at('a', '10.0.0.1')]
    assert.deepEqual(
      addresses({ known: [known('a', '10.0.0.1', true)], left, present: [at('a', '10.0.0.9')] }),
      ['10.0.0.9'],
    )
  })

  test('is both places of two Envoys that share an id', () => {
    const both = [at('a', '10.0.0.1'), at('a', '10.0.0.2')]
    assert.deepEqual(addresses({ present: both }), ['10.0.0.1', '10.0.0.2'])
  })

  test('is the same value whoever came first, and names the gateways that differ', () => {
    const [a, b] = [at('a', '10.0.0.1'), at('b', '10.0.0.2')]
    const one = announcedBy({ ...nobody, present: [a, b] })
    const other = announcedBy({ ...nobody, known: [{ ...b, live: true }], present: [a] })
    assert.deepEqual(movedGateways(one, other), new Set())
    const more = announcedBy({ ...nobody, present: [a, b, at('c', '10.0.0.3', 'domain')] })
    assert.deepEqual(movedGateways(one, more), new Set(['domain']))
    assert.deepEqual(movedGateways(one, announcedBy(nobody)), new Set(['internal']))
  })
})
