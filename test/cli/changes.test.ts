import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { startDetour } from '../support/detour.ts'
import { type RunOptions, weir } from '../support/run-weir.ts'

describe('weir diff, apply --dry-run and --prune, rollback', () => {
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
        .diff.map(({ action }: { action: string }) => action)
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
    const json = await run(['rollback', String(before + 1), '--yes', '-o', 'json'])
    assert.equal(JSON.parse(json.stdout).revision, before + 3)
  })

  test('rollback 0: where nothing differs it says so and sends no restore', async () => {
    const now = await admin.revision()
    const restores: string[] = []
    const detour = await startDetour(admin.url, () => (request, pass) => {
      if (request.method === 'POST') restores.push(request.url!)
      return pass()
    })
    const at = { environment: { WEIR_URL: detour.url } }
    const { code, stdout, stderr } = await run(['rollback', String(now)], at)
    const json = await run(['rollback', String(now), '-o', 'json'], at)
    await detour.close()
    const told = `nothing differs from revision ${now}; nothing is written\n`
    assert.deepEqual([code, stdout, stderr], [0, told, ''])
    assert.deepEqual([JSON.parse(json.stdout).dryRun, JSON.parse(json.stdout).diff], [true, []])
    assert.deepEqual(restores, Array(2).fill(`/v1/revisions/${now}/restore?dryRun=true`))
  })

  test('rollback 1: what another writes after the rehearsal was not shown and is not undone', async () => {
    const before = await admin.revision()
    await admin.call('PUT', '/v1/clusters/echo', { spec: { endpoints: [] } })
    const detour = await startDetour(admin.url, () => async (request, pass) => {
      if (request.url?.endsWith('/restore')) {
        await admin.call('PUT', '/v1/clusters/of-another', { spec: { endpoints: [] } })
      }
      return pass()
    })
    const at = { environment: { WEIR_URL: detour.url } }
    const { code, stdout, stderr } = await run(['rollback', String(before), '--yes', '-o', 'json'], at)
    await detour.close()
    assert.equal(code, 1)
    assert.match(stderr, /\nweir: somebody wrote meanwhile: .*\nweir: Look again: `weir rollback \d+` shows/)
    assert.equal(JSON.parse(stdout).type, 'urn:weir:problem:precondition_failed')
    assert.equal((await admin.call('GET', '/v1/clusters/of-another')).status, 200)
    assert.equal(await admin.revision(), before + 2)
  })

  test('rollback 1: no such revision; 2: no number', async () => {
    const missing = await run(['rollback', '99999', '--yes'])
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /no revision 99999/)
    assert.equal((await run(['rollback', 'yesterday'])).code, 2)
  })
})
