import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { format, inspect } from 'node:util'
import { pino } from 'pino'
import { stringify } from 'yaml'
import { equalJson } from '../../src/model/equal.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { SecretText } from '../../src/model/secret-text.ts'
import { kinds } from '../../src/policies/index.ts'
import { masterKey } from '../../src/secrets/master-key.ts'

const clear = 'acme-secret-key'
const secret = new SecretText(clear)
const nested = { list: [{ secret }], map: new Map([['key', secret]]) }

function logged(value: unknown): string {
  const some = value as object
  const lines: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  logger.info(some, 'with %s %o %j', some, some, some)
  logger.error({ err: new Error(`failed for ${String(value)}`), value })
  return lines.join('')
}

const ways: Record<string, (value: unknown) => string> = {
  String: (value) => String(value),
  'a template': (value) => `${value}`,
  concatenation: (value) => ['', value].reduce((text, each) => (text as string) + each, '') as string,
  join: (value) => [value, value].join(),
  'JSON.stringify': (value) => JSON.stringify({ value }),
  'util.inspect': (value) => inspect(value, { depth: null, showHidden: true, getters: true }),
  'util.inspect without custom inspection': (value) =>
    inspect(value, { customInspect: false, showHidden: true }),
  'util.format': (value) => format('%s %o %O %j %i', value, value, value, value, value),
  pino: logged,
  YAML: (value) => stringify({ value }),
  'Object.entries': (value) => JSON.stringify(Object.entries(value as object)),
  'a clone': (value) => inspect(structuredClone({ value: value as object }), { depth: null }),
  'its keys': (value) => Reflect.ownKeys(value as object).join(),
}

describe('a secret text', () => {
  for (const [way, print] of Object.entries(ways)) {
    test(`does not tell itself by ${way}`, () => {
      assert.ok(!print(secret).includes('acme'), print(secret))
    })
  }

  test('does not tell itself from inside other values', () => {
    const printed = [
      inspect(nested, { depth: null }),
      JSON.stringify(nested),
      format('%o', nested),
      logged(nested),
    ]
    for (const text of printed) assert.ok(!text.includes('acme'), text)
    assert.match(inspect(nested, { depth: null }), /\[redacted\]/)
  })

  test('is revealed by one method', () => {
    assert.equal(secret.reveal(), clear)
  })

  test('is what a document holds as soon as it is read', () => {
    const value = {
      kind: 'Consumer',
      name: 'acme',
      spec: {
        apiKeys: [
          { id: 'main', value: clear },
          { id: 'next', value: clear },
        ],
      },
    }
    const { document } = readDocument(kinds, value)
    assert.ok(document !== undefined)
    assert.ok(!inspect(document, { depth: null }).includes('acme-'))
    assert.equal(JSON.stringify(document).match(/\[redacted\]/g)?.length, 2)
  })

  test('two are never taken for equal', () => {
    assert.ok(!equalJson({ value: secret }, { value: new SecretText(clear) }))
    assert.ok(!equalJson({ value: secret }, { value: {} }))
  })
})

test('a master key does not print its bytes', () => {
  const key = masterKey(Buffer.from('0123456789abcdef0123456789abcdef'))
  for (const text of [
    inspect(key, { depth: null, showHidden: true }),
    JSON.stringify(key),
    logged({ key }),
  ]) {
    assert.ok(!text.includes('01234567') && !text.includes('MDEyMzQ1'), text)
  }
})
