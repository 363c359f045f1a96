import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { patchedMap } from '../../src/envoy-api/patched-map.ts'

test('a map that was patched, however often, is the map that was copied and changed', () => {
  const names = Array.from({ length: 200 }, (_, index) => `n${index}`)
  const base = new Map(names.map((name) => [name, { of: 0 }]))
  const values = fc.array(fc.tuple(fc.constantFrom(...names), fc.record({ of: fc.nat() })), { maxLength: 60 })
  fc.assert(
    fc.property(fc.array(values, { maxLength: 10 }), (patches) => {
      const copied = new Map(base)
      let patched: ReadonlyMap<string, { of: number }> = base
      for (const patch of patches) {
        const before = [...patched]
        const next = patchedMap(patched, patch)
        assert.deepEqual([...patched], before, 'the one before stays')
        for (const [name, value] of patch) copied.set(name, value)
        patched = next
        assert.deepEqual([...patched], [...copied])
        assert.deepEqual([...patched.values()], [...copied.values()])
        assert.deepEqual([...patched.keys()], [...copied.keys()])
        assert.deepEqual([patched.size, patched.has('n1'), patched.has('x')], [200, true, false])
        assert.deepEqual([patched.get('n1'), patched.get('x')], [copied.get('n1'), undefined])
      }
    }),
    { numRuns: 50 },
  )
})

test('a name that is not there cannot be replaced', () => {
  assert.throws(() => patchedMap(new Map([['a', {}]]), [['b', {}]]), /no b/)
})
