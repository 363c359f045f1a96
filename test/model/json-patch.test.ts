import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { patched } from '../../src/cli/differences.ts'
import { equalJson } from '../../src/model/equal.ts'
import { jsonPatch } from '../../src/model/json-patch.ts'
import { mergePatch } from '../../src/model/merge-patch.ts'

const json = fc.jsonValue({ maxDepth: 4 })

test('the patch from one value to another makes the other of the one, and is empty only where they are equal', () => {
  fc.assert(
    fc.property(json, json, (before, after) => {
      const [from, to] = [JSON.parse(JSON.stringify(before)), JSON.parse(JSON.stringify(after))]
      const steps = jsonPatch(from, to)
      assert.deepEqual(patched(from, steps), to)
      assert.equal(steps.length === 0, equalJson(from, to))
    }),
  )
})

test('a member named `__proto__` is one like any other', () => {
  const [from, to] = [JSON.parse('{"a":1}'), JSON.parse('{"__proto__":{"b":2}}')]
  assert.deepEqual(patched(from, jsonPatch(from, to)), to)
})

test('a patch names the deepest places that differ, with the old values', () => {
  const before = { a: [{ b: 1 }, { b: 2 }, { b: 3 }], 'x/y': 1, gone: true }
  const after = { a: [{ b: 1 }, { b: 9 }, { b: 3 }], 'x/y': 2, fresh: null }
  assert.deepEqual(jsonPatch(before, after), [
    { op: 'replace', path: '/a/1/b', value: 9, old: 2 },
    { op: 'replace', path: '/x~1y', value: 2, old: 1 },
    { op: 'remove', path: '/gone', old: true },
    { op: 'add', path: '/fresh', value: null },
  ])
  assert.deepEqual(jsonPatch([1, 2, 3, 4], [1, 4]), [
    { op: 'remove', path: '/2', old: 3 },
    { op: 'remove', path: '/1', old: 2 },
  ])
  assert.deepEqual(jsonPatch([1, 4], [1, 2, 4]), [{ op: 'add', path: '/1', value: 2 }])
})

// RFC 7396, appendix A.
for (const [target, patch, result] of [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
] as const) {
  test(`${JSON.stringify(target)} merged with ${JSON.stringify(patch)}`, () => {
    assert.deepEqual(mergePatch(target, patch), result)
  })
}
