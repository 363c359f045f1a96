import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { type RunOptions, weir } from '../support/run-weir.ts'

describe('what weir prints', () => {
  let admin: TestAdmin
  let folder: string
  const run = (args: string[], options: RunOptions = {}) =>
    weir(args, {
      ...options,
      environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token, TMPDIR: folder, ...options.environment },
    })
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  before(async () => {
    admin = await startAdmin()
    folder = mkdtempSync(join(tmpdir(), 'weir-cli-'))
    await admin.call('POST', '/v1/apply', sample)
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await admin.close()
  })

  test('1: an object written twice, with the places of both', async () => {
    const text = 'kind: Cluster\nname: twice\nspec: { endpoints: [] }\n'
    const first = file('twice-a.yaml', `---\n${text}`)
    const second = file('twice-b.yaml', text)
    const { code, stderr } = await run(['apply', '-f', first, second])
    const told = `${second}:2:1: Cluster/twice is already at ${first}:3:1 (write each object once)`
    assert.deepEqual([code, stderr], [1, `weir: ${told}\n`])
  })

  test('1: a refusal by -o json is the problem document on stdout, of each command that writes', async () => {
    const stdin =
      'kind: Route\nname: lost\nspec: { gateways: [nope], match: { path: { prefix: / } }, respond: { status: 200 } }\n'
    const commands = [
      ['apply', '-f', '-'],
      ['apply', '--dry-run', '-f', '-'],
      ['delete', 'clusters/echo'],
      ['rollback', '999', '--yes'],
    ]
    for (const args of commands) {
      const { code, stdout, stderr } = await run([...args, '-o', 'json'], { stdin })
      assert.equal(code, 1, args.join(' '))
      const { type, status, errors } = JSON.parse(stdout)
      assert.match(type, /^urn:weir:problem:/)
      assert.ok(status >= 400 && errors.length > 0, stdout)
      assert.match(stderr, /^weir: /)
    }
    const [yaml, table] = await Promise.all(
      ['yaml', 'table'].map((format) => run(['delete', 'clusters/echo', '-o', format])),
    )
    assert.equal(parse(yaml!.stdout).status, 409)
    assert.equal(table!.stdout, '')
  })

  test('a refusal speaks of options and commands, not of HTTP', async () => {
    const EDITOR = 'sed -i s/^name:.*/name:\\ other/'
    const cases: [string[], RegExp][] = [
      [['get', 'routes/nope'], /\(`weir get routes` lists those that exist\)/],
      [['get', 'routes', '--at', 'yesterday'], /--at cannot be "yesterday"/],
      [['delete', 'clusters/nope', '-m', 'm'.repeat(2_001)], /--message is longer than 2000 characters/],
      [
        ['edit', 'clusters/echo'],
        /but what is edited is "echo" \(.*or write another object by `weir apply`\)/,
      ],
    ]
    for (const [args, told] of cases) {
      const { code, stderr } = await run(args, { environment: { EDITOR } })
      assert.equal(code, 1, args.join(' '))
      assert.match(stderr, told)
      assert.doesNotMatch(stderr, /GET|URL|header/)
    }
  })

  test('history says which states were compacted away', async () => {
    await admin.call('PUT', '/v1/plans/last', { spec: {} })
    const now = await admin.revision()
    await admin.store.compact({ revisions: 1, ageMs: 0 })
    const [table, json] = await Promise.all([run(['history']), run(['history', '-o', 'json'])])
    const states = table.stdout.split('\n').map((line) => line.split(/ {2,}/))
    assert.deepEqual(
      [states[1]?.[0], states[1]?.[3], states.at(-2)?.[0], states.at(-2)?.[3]],
      [String(now), 'readable', '1', 'compacted'],
    )
    assert.deepEqual(
      JSON.parse(json.stdout).map(({ compacted }: { compacted: boolean }) => compacted),
      [false, true],
    )
  })

  test('what a terminal would obey is escaped wherever it is printed', async () => {
    const labels = { note: 'a\u009b31m\u202eb\u007f' }
    const put = await admin.call('PUT', '/v1/plans/hostile', { labels, owner: 'o\u2066', spec: {} })
    assert.equal(put.status, 200, put.text)
    const stdin = 'kind: Plan\nname: hostile\nspec: {}\n'
    const shown = await Promise.all([
      run(['get', 'plans']),
      run(['get', 'plans/hostile']),
      run(['get', 'plans/hostile', '-o', 'json']),
      run(['export', '--kind', 'plans']),
      run(['export', '--kind', 'plans', '-o', 'json']),
      run(['diff', '-f', '-'], { stdin }),
    ])
    for (const { stdout } of shown) {
      assert.match(stdout, /a\\u009b31m\\u202eb\\u007f/)
      assert.doesNotMatch(stdout, /[\u007f-\u009f\u202e\u2066]/)
    }
    assert.deepEqual(parse(shown[1]!.stdout).labels, labels)
    assert.deepEqual(JSON.parse(shown[2]!.stdout).labels, labels)
    assert.deepEqual(parse(shown[3]!.stdout.split('---\n')[0]!).labels, labels)
  })
})
