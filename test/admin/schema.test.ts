import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Compile } from 'typebox/compile'
import { kinds } from '../../src/policies/index.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'

const standard = new Set([
  ...[
    '$schema',
    '$id',
    '$defs',
    '$ref',
    'oneOf',
    'anyOf',
    'type',
    'title',
    'description',
    'default',
    'examples',
  ],
  ...[
    'enum',
    'const',
    'required',
    'pattern',
    'properties',
    'patternProperties',
    'additionalProperties',
    'items',
  ],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength'],
  ...['minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties'],
])

describe('GET /v1/schema', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
  })
  after(() => admin.close())

  test('401 without the token, as everything under /v1; the same at /docs/schema.json is open', async () => {
    const closed = await admin.call('GET', '/v1/schema', undefined, { authorization: '' })
    assert.equal(closed.status, 401)
    const open = await admin.call('GET', '/docs/schema.json', undefined, { authorization: '' })
    assert.equal(open.status, 200)
    assert.equal(open.text, (await admin.call('GET', '/v1/schema')).text)
    assert.match(open.headers.get('content-type')!, /^application\/schema\+json/)
  })

  test('it is JSON Schema 2020-12 with no keyword but the standard’s', async () => {
    const { body } = await admin.call('GET', '/v1/schema')
    assert.equal(body.$schema, 'https://json-schema.org/draft/2020-12/schema')
    const visit = (node: Record<string, unknown>, path: string): void => {
      for (const [key, value] of Object.entries(node)) {
        assert.ok(standard.has(key), `${path}/${key}`)
        const inner = ['properties', 'patternProperties', '$defs'].includes(key)
          ? Object.values(value as object)
          : ['oneOf', 'anyOf'].includes(key)
            ? (value as object[])
            : key === 'items'
              ? [value]
              : []
        for (const each of inner) visit(each as Record<string, unknown>, `${path}/${key}`)
      }
    }
    visit(body, '#')
  })

  test('it takes the example of every kind, and no duration without a unit', async () => {
    const { body } = await admin.call('GET', '/v1/schema')
    const validator = Compile(body)
    for (const { kind, example } of kinds) {
      const { name, spec } = example
      assert.ok(validator.Check({ kind, name, spec }), kind)
      assert.ok(!validator.Check({ kind, name, spec, extra: 1 }), kind)
    }
    const cluster = (connectTimeout: string) => ({
      kind: 'Cluster',
      name: 'a',
      spec: { endpoints: [], connectTimeout },
    })
    assert.ok(validator.Check(cluster('1s')))
    assert.ok(!validator.Check(cluster('1')))
  })
})
