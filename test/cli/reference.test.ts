import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Compile } from 'typebox/compile'
import { helpRoot } from '../../src/cli/main.ts'
import { allFields, type Field } from '../../src/cli/reference/field.ts'
import { referencePages } from '../../src/cli/reference/pages.ts'
import { editorSchema } from '../../src/model/editor-schema.ts'
import { kinds } from '../../src/policies/index.ts'
import { projectRoot } from '../../src/project-root.ts'
import { weir } from '../support/run-weir.ts'

describe('docs/reference', () => {
  test('is what `npm run docs` writes', async () => {
    const folder = join(projectRoot, 'docs', 'reference')
    const pages = await referencePages(helpRoot())
    assert.deepEqual(readdirSync(folder).sort(), [...pages.keys()].sort())
    for (const [name, text] of pages)
      assert.equal(readFileSync(join(folder, name), 'utf8'), text, `${name}: run \`npm run docs\``)
  })

  test('every field has a description, and one without a type is none', () => {
    const bare = kinds.flatMap((kind) =>
      allFields(kind)
        .filter(({ description, type }) => description === '' || type === '')
        .map(({ path }) => `${kind.kind}.${path}`),
    )
    assert.deepEqual(bare, [])
  })

  test('the schema for editors takes a text or the file that it is in, and no other file', () => {
    const validator = Compile(editorSchema(kinds))
    const certificate = (pem: object) => ({ kind: 'Certificate', name: 'ca', spec: { pem } })
    assert.ok(validator.Check(certificate({ certificateFile: 'ca.pem', privateKeyFile: 'ca.key' })))
    assert.ok(!validator.Check(certificate({ certifcateFile: 'ca.pem' })))
    assert.ok(!validator.Check({ kind: 'Cluster', name: 'a', spec: { connectTimeoutFile: 'a' } }))
  })

  test('what is inside of a field that Envoy does not get is not delivered either', () => {
    assert.equal(field('Certificate', 'spec.acme.domains').delivery.state, 'pending')
    assert.equal(field('Cluster', 'spec.tls.sni').delivery.state, 'delivered')
    assert.equal(field('Cluster', 'spec.endpoints').delivery.state, 'delivered')
    assert.equal(field('Route', 'owner').delivery.state, 'control_plane')
    assert.equal(field('Certificate', 'spec.pem.privateKey').secret, 'encrypted')
    assert.equal(field('Certificate', 'spec.pem.certificate').file, 'certificateFile')
  })
})

function field(kind: string, path: string): Field {
  const found = allFields(kinds.find((each) => each.kind === kind)!).find((each) => each.path === path)
  assert.ok(found, `${kind}.${path}`)
  return found
}

describe('weir explain-field', () => {
  test('0: a kind, a field with or without spec, an item of a list, a map, all below', async () => {
    const kind = await weir(['explain-field', 'route'])
    assert.equal(kind.code, 0, kind.stderr)
    assert.match(kind.stdout, /^KIND: {5}Route\n/)
    assert.match(kind.stdout, /\nFIELDS:\n {2}kind {2}<string>, required\n/)
    const same = await Promise.all(
      ['Cluster.connectTimeout', 'clusters.spec.connectTimeout'].map((path) => weir(['explain-field', path])),
    )
    assert.equal(same[0]!.stdout, same[1]!.stdout)
    assert.match(
      same[0]!.stdout,
      /TYPE: {5}duration\nDEFAULT: {2}"5s"\nBOUNDS: {3}1ms to 5m\nUNIT: {5}ms, s, m, h\nEXAMPLE: {2}1s\nENVOY: {4}yes\n/,
    )
    const item = await weir(['explain-field', 'Route.forward[0].weight', '-o', 'json'])
    assert.equal(JSON.parse(item.stdout).path, 'spec.forward[].weight')
    const label = await weir(['explain-field', 'Route.labels.team', '-o', 'yaml'])
    assert.match(label.stdout, /path: labels\.<key>\n/)
    const all = await weir(['explain-field', 'Gateway.listeners', '--recursive'])
    assert.match(all.stdout, /\n {2}tls {2}<object>.*\n {4}certificates {2}<string\[\]>/)
  })

  test('2: what is not there, and what was meant', async () => {
    const cases: [string, RegExp][] = [
      ['Rout', /did you mean "routes"/],
      ['Route.mtach', /Route\.spec has no field "mtach": did you mean "match"\?/],
      ['Route.priority.x', /Route\.spec\.priority has no fields: it is a integer/],
    ]
    for (const [path, reason] of cases) {
      const { code, stderr } = await weir(['explain-field', path])
      assert.equal(code, 2)
      assert.match(stderr, reason)
    }
  })
})

describe('weir completion', () => {
  test('0: a script for each shell; 2: for no other', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, stdout } = await weir(['completion', shell])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`completion for ${shell}`))
    }
    assert.equal((await weir(['completion', 'tcsh'])).code, 2)
  })
})
