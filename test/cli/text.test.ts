import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { escapedJson, escapedYaml, escapedYamlText, printable } from '../../src/cli/text.ts'

/** C0 and C1 controls, DEL, marks of direction and the line ends of Unicode, in hexadecimal. */
const obeyed = [
  ...['0', '7', '8', 'b', 'd', '1b', '1f', '7f', '80', '85', '9b', '9f'],
  ...['61c', '200e', '200f', '2028', '2029', '202a', '202e', '2066', '2069'],
].map((code) => String.fromCharCode(Number.parseInt(code, 16)))

const value = {
  plain: 'a\nb\tc',
  texts: obeyed.map((character) => `a${character}[31m: b`),
  lines: `one\n${obeyed.join('')}\ntwo`,
  ...Object.fromEntries(obeyed.map((character) => [`key${character}`, null])),
}

describe('what others wrote, at a terminal', () => {
  const holdsNone = (text: string) => obeyed.every((character) => !text.includes(character))

  test('YAML holds nothing that a terminal obeys, and is read as the same', () => {
    const text = escapedYaml(value)
    assert.ok(holdsNone(text), JSON.stringify(text))
    assert.deepEqual(parse(text), value)
  })

  test('YAML without such is as it always was', () => {
    const plain = { a: 'no', b: ['1:30', 'x: y'], lines: 'a\nb\tc\n', empty: {}, none: [] }
    const options = { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false } as const
    assert.equal(escapedYaml(plain), stringify(plain, options))
    assert.equal(escapedYamlText('a: 1 # as it is\n'), 'a: 1 # as it is\n')
  })

  test('documents of another, too', () => {
    const text = escapedYamlText(`${stringify(value)}---\n${stringify({ last: true })}`)
    assert.ok(holdsNone(text), JSON.stringify(text))
    const documents = parseAllDocuments(text)
    assert.ok(!('empty' in documents))
    assert.deepEqual(
      documents.map((document) => document.toJS()),
      [value, { last: true }],
    )
  })

  test('JSON holds nothing that a terminal obeys, and is read as the same', () => {
    const text = escapedJson(JSON.stringify(value, null, 2))
    assert.ok(holdsNone(text))
    assert.deepEqual(JSON.parse(text), value)
  })

  test('plain text shows them on its one line', () => {
    assert.equal(printable('a\n\u001b[31m\u009b\u202eb'), 'a \\u001b[31m\\u009b\\u202eb')
    assert.ok(holdsNone(printable(obeyed.join(''))))
  })
})
