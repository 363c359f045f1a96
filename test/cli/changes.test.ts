import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { type RunOptions, weir } from '../support/run-weir.ts'

describe('weir diff, apply --dry-run and --prune, edit, rollback', () => {
  let admin: TestAdmin
  let folder: string
  const run = (args: string[], options: RunOptions = {}) =>
    weir(args, {
      ...options,
      environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token, TMPDIR: folder, ...options.environment },
    })
  before(async () => {
    admin = await startAdmin()
    folder = mkdtempSync(join(tmpdir(), 'weir-changes-'))
    await admin.call('POST', '/v1/apply', sample)
  })
  afterEach(() => admin.call('POST', '/v1/apply?prune=true', sample))
  after(async () => {
    rmSync(folder, { recursive: true })
    await admin.close()
  })

  test('diff 0: nothing to change, nothing printed; 3: a patch; nothing is written', async () => {
    const same = await run(['diff', '-f', '-'], { stdin: sample })
    assert.deepEqual(same, { code: 0, stdout: '', stderr: '' })
    const before = await admin.revision()
    const stdin = `${sample.replace('connectTimeout: 1s', 'connectTimeout: 2s')}---\nkind: Cluster\nname: fresh\nspec: { endpoints: [] }\n`
    const changed = await run(['diff', '-f', '-'], { stdin })
    assert.equal(changed.code, 3, changed.stderr)
    assert.match(changed.stdout, /^--- Cluster\/echo\n\+\+\+ Cluster\/echo\n@@ -7,4 \+7,4 @@\n/)
    assert.match(changed.stdout, /\n- {2}connectTimeout: 1s\n\+ {2}connectTimeout: 2s\n/)
    assert.match(
      changed.stdout,
      /--- \/dev\/null\n\+\+\+ Cluster\/fresh\n@@ -0,0 \+1,4 @@\n\+kind: Cluster\n/,
    )
    assert.equal(await admin.revision(), before)
    const json = await run(['diff', '-f', '-', '-o', 'json'], { stdin })
    assert.equal(json.code, 3)
    assert.deepEqual(
      JSON.parse(json.stdout)
        .map(({ action }: { action: string }) => action)
        .sort(),
      ['created', 'updated'],
    )
  })

  test('diff 3 --prune: what is not in the files is shown as deleted; 1: a refusal with its place', async () => {
    const [gateway] = sample.split('---\n')
    const pruned = await run(['diff', '--prune', '-f', '-'], { stdin: gateway! })
    assert.equal(pruned.code, 3, pruned.stderr)
    assert.match(pruned.stdout, /--- Route\/echo\n\+\+\+ \/dev\/null\n@@ -1,\d+ \+0,0 @@\n-kind: Route\n/)
    const refused = await run(['diff', '-f', '-'], { stdin: 'kind: Cluster\nname: x\nspec: { nope: 1 }\n' })
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.match(refused.stderr, /^weir: <stdin>:3:9: /)
    assert.equal((await run(['diff'])).code, 2)
  })

  test('apply --dry-run 0: changes, patch, and nothing written; --prune deletes', async () => {
    const before = await admin.revision()
    const [gateway] = sample.split('---\n')
    const dry = await run(['apply', '--prune', '--dry-run', '-f', '-'], { stdin: gateway! })
    assert.equal(dry.code, 0, dry.stderr)
    assert.match(dry.stdout, /\ndeleted {4}Route\/echo\n/)
    assert.ok(dry.stdout.endsWith(`nothing is written; the revision is ${before}\n`), dry.stdout)
    assert.equal(await admin.revision(), before)
    const done = await run(['apply', '--prune', '-f', '-'], { stdin: gateway! })
    assert.match(done.stdout, /\ndeleted {4}Route\/echo\n/)
    assert.equal(await admin.revision(), before + 1)
    assert.equal((await run(['apply', '--dry-run', '--wait', '-f', '-'], { stdin: sample })).code, 2)
  })

  test('apply: warnings on stderr, a line each', async () => {
    const stdin = 'kind: Consumer\nname: acme\nspec: { apiKeys: [{ id: main, value: a-key-of-acme }] }\n'
    const { code, stdout, stderr } = await run(['apply', '-f', '-', '-o', 'json'], { stdin })
    assert.equal(code, 0)
    const { warnings } = JSON.parse(stdout)
    assert.ok(warnings.length > 0)
    const lines = warnings.map(
      ({ kind, name, pointer, message, effect }: Record<string, string>) =>
        `weir: warning: ${kind}/${name} ${pointer}: ${message} (${effect})\n`,
    )
    assert.equal(stderr, lines.join(''))
  })

  /** An editor that runs one line of sh for each time it is opened; `$1` is the file. */
  function editor(...lines: string[]): string {
    const path = join(folder, 'my editor')
    const count = join(folder, 'count')
    writeFileSync(count, '')
    const cases = lines.map((line, index) => `${index}) ${line} ;;`).join('\n')
    writeFileSync(
      path,
      `#!/bin/sh\nn=$(wc -c < "${count}")\nprintf . >> "${count}"\ncp "$1" "${folder}/opened-$(expr $n + 0)"\ncase $(expr $n + 0) in\n${cases}\nesac\n`,
    )
    chmodSync(path, 0o700)
    return `"${path}"`
  }
  const opened = (n: number) => readFileSync(join(folder, `opened-${n}`), 'utf8')

  test('edit 0: an unchanged file does nothing; a changed one is written with its message', async () => {
    const before = await admin.revision()
    const unchanged = await run(['edit', 'routes/echo'], { environment: { EDITOR: editor('true') } })
    assert.deepEqual(unchanged, { code: 0, stdout: 'unchanged  Route/echo\n', stderr: '' })
    assert.equal(await admin.revision(), before)
    const VISUAL = editor('sed -i s/1s/3s/ "$1"')
    const changed = await run(['edit', 'cluster', 'echo', '-m', 'slower'], {
      environment: { VISUAL, EDITOR: 'false' },
    })
    assert.equal(changed.code, 0, changed.stderr)
    const { body } = await admin.call('GET', '/v1/revisions?limit=1')
    assert.deepEqual([body.items[0].revision, body.items[0].message], [before + 1, 'slower'])
    assert.equal((await admin.call('GET', '/v1/clusters/echo')).body.spec.connectTimeout, '3s')
  })

  test('edit: problems stand at the top of the file with their lines, and the editor is opened again', async () => {
    const EDITOR = editor('sed -i s/1s/never/ "$1"', 'sed -i s/never/4s/ "$1"')
    const { code, stderr } = await run(['edit', 'clusters/echo'], { environment: { EDITOR } })
    assert.equal(code, 0, stderr)
    const lines = opened(1).split('\n')
    assert.match(lines[0]!, /^# weir: this was refused/)
    const line = lines.indexOf('  connectTimeout: never') + 1
    assert.ok(
      lines[1]!.startsWith(
        `# weir:   line:${line}:3: document 0 (Cluster/echo, line 3): /spec/connectTimeout: `,
      ),
      lines[1]!,
    )
    assert.equal((await admin.call('GET', '/v1/clusters/echo')).body.spec.connectTimeout, '4s')
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('weir-edit-')),
      [],
    )
  })

  test('edit 1: given up after a refusal, or changed by another meanwhile: the text is kept', async () => {
    const EDITOR = editor('sed -i s/1s/never/ "$1"', 'true')
    const gaveUp = await run(['edit', 'clusters/echo'], { environment: { EDITOR } })
    assert.equal(gaveUp.code, 1)
    const kept = /your text is kept in (\S+);/.exec(gaveUp.stderr)?.[1]
    assert.ok(kept, gaveUp.stderr)
    assert.match(readFileSync(kept, 'utf8'), /connectTimeout: never/)

    const script = join(folder, 'other.mjs')
    writeFileSync(
      script,
      `await fetch('${admin.url}/v1/clusters/echo', { method: 'PUT', headers: { authorization: 'Bearer ${token}', 'content-type': 'application/json' }, body: '{"spec":{"endpoints":[]}}' })`,
    )
    const other = `"${process.execPath}" "${script}"; sed -i s/1s/5s/ "$1"`
    const late = await run(['edit', 'clusters/echo'], { environment: { EDITOR: editor(other) } })
    assert.equal(late.code, 1)
    assert.match(late.stderr, /If-Match does not hold/)
    assert.match(late.stderr, /your text is kept in/)
    assert.deepEqual((await admin.call('GET', '/v1/clusters/echo')).body.spec, { endpoints: [] })
  })

  test('edit 1: an editor that fails or is not there; 2: no name', async () => {
    const failed = await run(['edit', 'clusters/echo'], { environment: { EDITOR: 'false' } })
    assert.equal(failed.code, 1)
    assert.match(failed.stderr, /the editor ended with code 1/)
    const missing = await run(['edit', 'clusters/echo'], { environment: { EDITOR: 'no-such-editor; true' } })
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /no-such-editor; cannot be started/)
    assert.equal((await run(['edit', 'clusters'])).code, 2)
  })

  test('rollback 0 --yes: the patch, and the old state as a new revision; 2: nobody to ask', async () => {
    const before = await admin.revision()
    await admin.call('PUT', '/v1/clusters/echo', { spec: { endpoints: [] } })
    const asked = await run(['rollback', String(before)])
    assert.equal(asked.code, 2)
    assert.match(asked.stderr, /add --yes/)
    const { code, stdout, stderr } = await run(['rollback', String(before), '--yes', '-m', 'back'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /\n\+ {2}connectTimeout: 1s\n/)
    assert.match(stdout, /\nupdated {4}Cluster\/echo\nrevision \d+\n$/)
    const { body } = await admin.call('GET', '/v1/revisions?limit=1')
    assert.deepEqual([body.items[0].revision, body.items[0].message], [before + 2, 'back'])
    assert.equal((await run(['rollback', String(before), '--yes'])).code, 0)
    assert.equal(await admin.revision(), before + 2, 'what is so already makes no revision')
    const json = await run(['rollback', String(before + 1), '--yes', '-o', 'json'])
    assert.equal(JSON.parse(json.stdout).revision, before + 3)
  })

  test('rollback 1: no such revision; 2: no number', async () => {
    const missing = await run(['rollback', '99999', '--yes'])
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /no revision 99999/)
    assert.equal((await run(['rollback', 'yesterday'])).code, 2)
  })
})
