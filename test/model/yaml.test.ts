import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseYaml } from '../../src/model/yaml.ts'

const messages = (text: string) =>
  parseYaml(text).problems.map(({ document, message }) => [document, message])
const unique = (line: number, column: number) => `line ${line}, column ${column}: Map keys must be unique`

describe('a key that a map has twice', () => {
  const cases: [string, string, [number, string][]][] = [
    ['in a block', 'a: 1\nb: 2\na: 3\n', [[0, unique(3, 1)]]],
    ['between braces', 'x: {a: 1, b: 2, a: 3}\n', [[0, unique(1, 17)]]],
    ['in a list, quoted', 'x:\n  - c: 1\n    "c": 2\n', [[0, unique(3, 5)]]],
    ['in a key', '? {a: 1, a: 2}\n: 3\n', [[0, unique(1, 10)]]],
    ['as number and as text, which become one field', '1: a\n"1": b\n', [[0, unique(2, 1)]]],
    ['as null and as the empty text', '~: 1\n"": 2\n', [[0, unique(2, 1)]]],
    ['three times', 'a: 1\na: 2\na: 3\n', [0, 1].map((more) => [0, unique(2 + more, 1)])],
    ['in the second document', 'a: 1\n---\na: 1\na: 2\n', [[1, unique(4, 1)]]],
    [
      'beside other mistakes, in the order of the text',
      'a: !odd 1\na: 2\nb: !odd 3\n',
      [
        [0, 'line 1, column 4: The tag is not known'],
        [0, unique(2, 1)],
        [0, 'line 3, column 4: The tag is not known'],
      ],
    ],
  ]
  for (const [where, text, expected] of cases)
    test(`is refused ${where}`, () => assert.deepEqual(messages(text), expected))

  test('is no mistake in two maps', () => {
    assert.deepEqual(parseYaml('- a: 1\n- a: 2\n').values, [[{ a: 1 }, { a: 2 }]])
  })

  test('is told a hundred times at most', () => {
    assert.equal(parseYaml('a: 1\n'.repeat(5_000)).problems.length, 100)
  })
})

test('a map of ten times as many keys takes about ten times as long, not a hundred times', () => {
  const cost = (keys: number) => {
    const text = Array.from({ length: keys }, (_, index) => `key-${index}: ${index}\n`).join('')
    const before = process.threadCpuUsage()
    assert.deepEqual(parseYaml(text).problems, [])
    return process.threadCpuUsage(before).user
  }
  cost(6_000) // for the compiler
  assert.ok(cost(60_000) < 25 * cost(6_000))
})
