import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { everybody, placeOf, reaches, snapshotFor } from '../../src/xds/rollout.ts'

const node = (id: string, labels: Record<string, string> = {}) => ({ id, labels })
const ids = Array.from({ length: 1_000 }, (_, index) => `edge-${index}`)

describe('which Envoys a rollout has come to', () => {
  test('those with all of the labels', () => {
    const reach = { nodes: [{ track: 'canary', zone: 'a' }], share: 0 }
    assert.ok(reaches(reach, node('x', { track: 'canary', zone: 'a', more: 'b' })))
    assert.ok(!reaches(reach, node('x', { track: 'canary' })))
    assert.ok(!reaches(reach, node('x', { track: 'canary', zone: 'b' })))
  })

  test('a share of all, by their ids alone, which grows and never changes', () => {
    const reached = (share: number) => ids.filter((id) => reaches({ nodes: [], share }, node(id)))
    const [none, quarter, half, whole] = [0, 0.25, 0.5, 1].map(reached) as string[][]
    assert.deepEqual([none!.length, whole!.length], [0, 1_000])
    assert.ok(Math.abs(quarter!.length - 250) < 50, String(quarter!.length))
    assert.ok(quarter!.every((id) => half!.includes(id)))
    // The same on every replica, of every version: SHA-256 of the id.
    assert.equal(placeOf('edge-1').toFixed(6), (0xdf594d71 / 2 ** 32).toFixed(6))
  })

  test('they get the newest, the others the base', () => {
    const [newest, base] = [2, 1].map((revision) => ({ gateway: 'edge', revision, resources: new Map() }))
    const held = { snapshot: base!, reach: { nodes: [{ track: 'canary' }], share: 0 } }
    const revisions = (given: typeof held | undefined) =>
      [node('a', { track: 'canary' }), node('b')].map((each) => snapshotFor(newest!, given, each).revision)
    assert.deepEqual(revisions(held), [2, 1])
    assert.deepEqual(revisions({ ...held, reach: everybody as never }), [2, 2])
    assert.deepEqual(revisions(undefined), [2, 2])
  })
})
