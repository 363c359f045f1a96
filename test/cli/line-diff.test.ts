import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { patched } from '../../src/cli/differences.ts'
import { words } from '../../src/cli/editor.ts'
import { lineDiff } from '../../src/cli/line-diff.ts'
import { jsonPatch } from '../../src/model/json-patch.ts'

describe('lineDiff', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 })

  test('kept and taken lines are the one text, kept and put lines the other', () => {
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const edits = lineDiff(before, after)
        const side = (mark: '-' | '+') =>
          edits.filter((edit) => edit.mark === ' ' || edit.mark === mark).map(({ line }) => line)
        assert.deepEqual(side('-'), before)
        assert.deepEqual(side('+'), after)
      }),
    )
  })

  test('no more lines change than the longest common subsequence leaves', () => {
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const kept = lineDiff(before, after).filter(({ mark }) => mark === ' ').length
        assert.equal(kept, longestCommon(before, after))
      }),
    )
  })

  test('two long texts with nothing in common are told as a whole', () => {
    const text = (prefix: string) => Array.from({ length: 5_000 }, (_, index) => `${prefix}${index}`)
    assert.equal(lineDiff(text('a'), text('b')).length, 10_000)
  })
})

test('patched takes back what jsonPatch tells', () => {
  const value = fc.jsonValue({ maxDepth: 3 })
  fc.assert(
    fc.property(value, value, (before, after) => {
      const steps = jsonPatch(before, after)
      assert.deepEqual(JSON.parse(JSON.stringify(patched(before, steps))), JSON.parse(JSON.stringify(after)))
    }),
  )
})

test('words of an editor setting', () => {
  assert.deepEqual(words('code --wait'), ['code', '--wait'])
  assert.deepEqual(words(` "/opt/my editor" -c 'set nu' a\\ b `), ['/opt/my editor', '-c', 'set nu', 'a b'])
  assert.deepEqual(words('vi; rm -rf $HOME'), ['vi;', 'rm', '-rf', '$HOME'])
  assert.deepEqual(words(''), [])
})

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let above = new Array<number>(b.length + 1).fill(0)
  for (const line of a) {
    const row = [0]
    for (const [index, other] of b.entries())
      row.push(line === other ? above[index]! + 1 : Math.max(above[index + 1]!, row[index]!))
    above = row
  }
  return above.at(-1)!
}
