import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { startDetour } from '../support/detour.ts'
import { type RunOptions, weir } from '../support/run-weir.ts'

describe('weir edit', () => {
  let admin: TestAdmin
  let folder: string
  const run = (args: string[], options: RunOptions = {}) =>
    weir(args, {
      ...options,
      environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token, TMPDIR: folder, ...options.environment },
    })
  before(async () => {
    admin = await startAdmin()
  })
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weir-edits-'))
    await admin.call('POST', '/v1/apply?prune=true', sample)
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  after(() => admin.close())

  /** The file in which a text was kept, by what was said of it. */
  function keptIn(stderr: string): string {
    const path = /your text is kept in (\S+): `weir apply -f \1` writes it\./.exec(stderr)?.[1]
    assert.ok(path, stderr)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    return path
  }
  const left = () => readdirSync(folder).filter((name) => name.startsWith('weir-edit-'))

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
    assert.deepEqual(left(), [])
  })

  test('edit 1: given up after a refusal, or changed by another meanwhile: the text is kept', async () => {
    const EDITOR = editor('sed -i s/1s/never/ "$1"', 'true')
    const gaveUp = await run(['edit', 'clusters/echo'], { environment: { EDITOR } })
    assert.equal(gaveUp.code, 1)
    const kept = keptIn(gaveUp.stderr)
    assert.match(readFileSync(kept, 'utf8'), /connectTimeout: never/)

    const script = join(folder, 'other.mjs')
    writeFileSync(
      script,
      `await fetch('${admin.url}/v1/clusters/echo', { method: 'PUT', headers: { authorization: 'Bearer ${token}', 'content-type': 'application/json' }, body: '{"spec":{"endpoints":[]}}' })`,
    )
    const other = `"${process.execPath}" "${script}"; sed -i s/1s/5s/ "$1"`
    const late = await run(['edit', 'clusters/echo'], { environment: { EDITOR: editor(other) } })
    assert.equal(late.code, 1)
    assert.match(late.stderr, /somebody changed the object meanwhile; nothing is written/)
    assert.match(readFileSync(keptIn(late.stderr), 'utf8'), /connectTimeout: 5s/)
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

  for (const [what, editorLine] of [
    ['fails', 'sed -i s/1s/6s/ "$1"; exit 3'],
    ['is killed', 'sed -i s/1s/6s/ "$1"; kill -9 $$'],
  ] as const) {
    test(`edit 1: an editor that ${what} after the text was changed: it is kept, and can be applied`, async () => {
      const { code, stderr } = await run(['edit', 'clusters/echo'], {
        environment: { EDITOR: editor(editorLine) },
      })
      assert.equal(code, 1)
      const kept = keptIn(stderr)
      assert.equal((await run(['apply', '-f', kept])).code, 0)
      assert.equal((await admin.call('GET', '/v1/clusters/echo')).body.spec.connectTimeout, '6s')
    })
  }

  test('edit 1: a server that is gone, or refuses the token, when the text is sent: it is kept', async () => {
    const EDITOR = editor('sed -i s/1s/7s/ "$1"', 'sed -i s/1s/7s/ "$1"')
    const status = { gone: undefined, refusing: { status: 401, headers: {}, body: Buffer.alloc(0) } }
    for (const answer of Object.values(status)) {
      const detour = await startDetour(
        admin.url,
        () => async (request, pass) => (request.method === 'GET' ? pass() : answer),
      )
      const { code, stderr } = await run(['edit', 'clusters/echo'], {
        environment: { EDITOR, WEIR_URL: detour.url },
      })
      await detour.close()
      assert.equal(code, 1)
      assert.match(stderr, answer === undefined ? /is unknown/ : /refuses the token/)
      assert.match(readFileSync(keptIn(stderr), 'utf8'), /connectTimeout: 7s/)
    }
  })

  test('edit 130: Ctrl-C while the text is sent: it is kept', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    const detour = await startDetour(admin.url, () => (request, pass) => {
      if (request.method === 'GET') return pass()
      resolve()
      return new Promise(() => {})
    })
    const { code, stderr } = await run(['edit', 'clusters/echo'], {
      environment: { EDITOR: editor('sed -i s/1s/8s/ "$1"'), WEIR_URL: detour.url },
      signal: { name: 'SIGINT', when: asked },
    })
    await detour.close()
    assert.equal(code, 130)
    assert.match(readFileSync(keptIn(stderr), 'utf8'), /connectTimeout: 8s/)
  })

  test('edit: nothing is left where nothing was changed, whatever happens', async () => {
    const failed = await run(['edit', 'clusters/echo'], { environment: { EDITOR: editor('exit 1') } })
    assert.equal(failed.code, 1)
    assert.doesNotMatch(failed.stderr, /kept/)
    const done = await run(['edit', 'clusters/echo'], {
      environment: { EDITOR: editor('sed -i s/1s/9s/ "$1"') },
    })
    assert.equal(done.code, 0)
    assert.deepEqual(left(), [])
  })
})
