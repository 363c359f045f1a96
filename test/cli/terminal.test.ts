import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { weir } from '../support/run-weir.ts'
import { atTerminal, type TerminalOptions } from '../support/terminal.ts'

const esc = '\u001b'

describe('weir at a terminal', () => {
  let admin: TestAdmin
  let folder: string
  const environment = () => ({ WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token })
  const run = (args: string[], options: TerminalOptions = {}) =>
    atTerminal(['weir', ...args], { ...options, environment: { ...environment(), ...options.environment } })
  before(async () => {
    admin = await startAdmin()
    folder = mkdtempSync(join(tmpdir(), 'weir-cli-'))
    await admin.call('POST', '/v1/apply', sample)
    await admin.call('PUT', '/v1/clusters/echo', { spec: { endpoints: [] } })
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await admin.close()
  })

  test('a patch is coloured; not with NO_COLOR, and not in a pipe', async () => {
    const file = join(folder, 'sample.yaml')
    writeFileSync(file, sample)
    const coloured = await run(['diff', '-f', file])
    assert.equal(coloured.code, 3, coloured.shown)
    assert.ok(coloured.shown.includes(`${esc}[32m+`), coloured.shown)
    assert.ok(coloured.shown.includes(`${esc}[31m-`), coloured.shown)
    const plain = await run(['diff', '-f', file], { environment: { NO_COLOR: '1' } })
    assert.equal(plain.code, 3, plain.shown)
    // On a busy machine it says for how long it has been at it.
    const shown = plain.shown.replaceAll(/\r\p{Cc}\[K(?:comparing 4 documents \(\d+\.\d s\))?/gu, '')
    assert.ok(!shown.includes(esc), plain.shown)
    const piped = await weir(['diff', '-f', file], { environment: environment() })
    assert.equal(piped.code, 3)
    assert.ok(!piped.stdout.includes(esc))
    assert.equal(piped.stdout, shown.replaceAll('\r\n', '\n'))
  })

  test('a table is cut to the width', async () => {
    const { shown } = await run(['get', 'routes'], { columns: 18 })
    const lines = shown.replaceAll(`${esc}[1m`, '').replaceAll(`${esc}[22m`, '').trimEnd().split('\r\n')
    assert.ok(lines.length >= 2, shown)
    assert.ok(
      lines.every((line) => line.length <= 18),
      shown,
    )
    assert.ok(shown.includes('…'), shown)
  })

  test('rollback asks: no writes nothing, yes does', async () => {
    const before = await admin.revision()
    const no = await run(['rollback', '1'], { steps: [{ await: '[y/N] ', send: 'n\r' }] })
    assert.equal(no.code, 1, no.shown)
    assert.match(no.shown, /nothing is written/)
    const end = await run(['rollback', '1'], { steps: [{ await: '[y/N] ', send: '\u0004' }] })
    assert.equal(end.code, 1, end.shown)
    assert.equal(await admin.revision(), before)
    const yes = await run(['rollback', '1'], { steps: [{ await: '[y/N] ', send: 'y\r' }] })
    assert.equal(yes.code, 0, yes.shown)
    assert.equal(await admin.revision(), before + 1)
  })

  test('Ctrl-C ends a question and a watch with 130 and without a word', async () => {
    const question = await run(['rollback', '2'], { steps: [{ await: '[y/N] ', send: '\u0003' }] })
    assert.equal(question.code, 130, question.shown)
    const watch = await run(['get', 'clusters', '-w'], { steps: [{ await: 'Cluster/echo', send: '\u0003' }] })
    assert.equal(watch.code, 130, watch.shown)
    assert.doesNotMatch(watch.shown, /weir:|Error/)
  })

  test('TAB in bash completes a command, a kind, a name, an option and its value', async () => {
    const rcFile = join(folder, 'bashrc')
    writeFileSync(rcFile, "PS1='ready> '\nsource <(weir completion bash)\n")
    const steps = [
      { await: 'ready> ', send: 'weir his\t' },
      { await: 'weir history ', send: '\u0015weir get rou\t' },
      { await: 'weir get routes/', send: 'ec\t' },
      { await: 'echo ', send: '--outp\t' },
      { await: '--output ', send: 'js\t' },
      { await: 'json ', send: '\r' },
      { await: '"kind": "Route"', send: 'exit\r' },
    ]
    const { code, shown, stderr } = await atTerminal(['bash', '--noprofile', '--rcfile', rcFile, '-i'], {
      environment: { ...environment(), WEIR_COMPLETION_TIMEOUT: '60s' },
      steps,
    })
    assert.equal(stderr, '', shown)
    assert.equal(code, 0, shown)
  })
})
