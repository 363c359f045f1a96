import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { DCLinter } from 'dclint'
import { composeTexts } from '../support/compose/files.ts'

const text = composeTexts()['docker-compose.yml']

// dclint carries the schema of the Compose Specification. `npm run test:peers` has Compose's own loader read the file.
describe('docker-compose.yml against the schema of the Compose Specification', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-schema-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** What is found, but for the order of names and the quotation marks that this linter likes. */
  function found(compose: string): string[] {
    const file = join(folder, 'docker-compose.yml')
    writeFileSync(file, compose)
    const linter = new DCLinter({ rules: {}, quiet: false, debug: false, exclude: [] })
    // Its own declarations of what it answers cannot be resolved.
    const results: { messages: { rule: string; message: string }[] }[] = linter.lintFiles([file], false)
    return results
      .flatMap(({ messages }) => messages)
      .filter(({ rule }) => !/-order$|quotes/.test(rule))
      .map(({ rule, message }) => `${rule}: ${message}`)
  }

  test('it is valid, and nothing is wrong by the other rules of the linter', () => {
    assert.deepEqual(found(text), [])
  })

  const faults: [from: string, to: string, found: RegExp][] = [
    ['read_only: true', 'read_onli: true', /invalid-schema: .*additional properties/],
    ['condition: service_healthy', 'condition: healthy', /invalid-schema: .*depends_on/],
    ['cap_drop: [ALL]', 'cap_drop: ALL', /invalid-schema: .*cap_drop/],
    ['internal: true', 'internal: 7', /invalid-schema: .*internal/],
    ['tmpfs: [/tmp]', 'tmpfs: { path: /tmp }', /invalid-schema: .*tmpfs/],
    ['"127.0.0.1:8080:8080"', '"8080:8080"', /no-unbound-port-interfaces/],
    ['127.0.0.1:10001:', '127.0.0.1:10000:', /no-duplicate-exported-ports/],
  ]
  for (const [from, to, problem] of faults) {
    test(`"${to}" is noticed`, () => {
      assert.ok(text.includes(from))
      assert.match(found(text.replace(from, to)).join('\n'), problem)
    })
  }
})
