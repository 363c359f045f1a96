import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { foresee } from '../../src/control/foresight.ts'
import { startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { testLive } from '../support/live.ts'
import { weir } from '../support/run-weir.ts'
import { atTerminal, type TerminalOptions } from '../support/terminal.ts'

const endpoints = (number: number) =>
  Array.from({ length: number }, (_, at) => ({ address: `10.0.0.${at + 1}`, port: 80 }))
const cluster = (number: number) => ({
  kind: 'Cluster',
  name: 'shop',
  spec: { endpoints: endpoints(number) },
})
const rest = [
  { kind: 'Gateway', name: 'edge', spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] } },
  {
    kind: 'Route',
    name: 'all',
    spec: { gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: 'shop' }] },
  },
]

describe('a command that takes more than half from a gateway', () => {
  let admin: TestAdmin
  let folder: string
  let file: string
  const environment = () => ({ WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token, TMPDIR: folder })
  const run = (...args: string[]) => weir(args, { environment: environment() })
  const atTty = (args: string[], options: TerminalOptions = {}) =>
    atTerminal(['weir', ...args], { ...options, environment: { ...environment(), ...options.environment } })
  before(async () => {
    admin = await startAdmin({
      ...foresee(
        () => testLive(),
        (state) => state,
      ),
    })
    folder = mkdtempSync(join(tmpdir(), 'weir-confirm-'))
    file = join(folder, 'small.yaml')
    writeFileSync(file, JSON.stringify(cluster(3)))
  })
  beforeEach(async () => {
    const { status, text } = await admin.call('POST', '/v1/apply', [...rest, cluster(40)])
    assert.equal(status, 200, text)
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await admin.close()
  })

  const reason =
    /^weir: Gateway\/edge would have 3 of its 40 endpoints \(if that is meant, repeat the command with --confirm ([0-9a-f]{16})\)\n$/
  const stale =
    /^weir: Gateway\/edge would have 3 of its 40 endpoints \(--confirm is for another write, or for a state that has changed since; if this is meant, repeat the command with --confirm ([0-9a-f]{16})\)\n$/

  test('1: the reason with the token; 0 with it; nothing is asked where nobody is there', async () => {
    const before = await admin.revision()
    const refused = await run('apply', '-f', file)
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    const [, given] = reason.exec(refused.stderr) ?? []
    assert.ok(given !== undefined, refused.stderr)
    assert.equal(await admin.revision(), before)
    const json = await run('apply', '-f', file, '-o', 'json')
    assert.equal(json.code, 1)
    assert.deepEqual(JSON.parse(json.stdout).confirmation, {
      token: given,
      reductions: [{ gateway: 'edge', what: 'endpoints', before: 40, after: 3 }],
    })
    const made = await run('apply', '-f', file, '--confirm', given)
    assert.equal(made.code, 0, made.stderr)
    assert.equal(await admin.revision(), before + 1)
  })

  test('1: a token that is not good any more is said to be none, with the one that is', async () => {
    const first = await run('apply', '-f', file)
    const [, old] = reason.exec(first.stderr) ?? []
    await admin.call('PUT', '/v1/clusters/of-another', { spec: { endpoints: [] } })
    const before = await admin.revision()
    const refused = await run('apply', '-f', file, '--confirm', old!)
    assert.equal(refused.code, 1)
    const [, given] = stale.exec(refused.stderr) ?? []
    assert.ok(given !== undefined && given !== old, refused.stderr)
    assert.equal(await admin.revision(), before)
    assert.equal((await run('apply', '-f', file, '--confirm', given)).code, 0)
    await admin.call('DELETE', '/v1/clusters/of-another')
  })

  test('diff and a dry run show the token that the write needs', async () => {
    const diff = await run('diff', '-f', file)
    assert.equal(diff.code, 3)
    const json = JSON.parse((await run('diff', '-f', file, '-o', 'json')).stdout)
    const dry = await run('apply', '--dry-run', '-f', file)
    assert.equal(dry.code, 0)
    assert.equal(diff.stderr, dry.stderr)
    assert.equal(
      dry.stderr,
      `weir: warning: Gateway/edge: would have 3 of its 40 endpoints (the write is refused without --confirm ${json.confirmation.token})\n`,
    )
    assert.equal((await run('apply', '-f', file, '--confirm', json.confirmation.token)).code, 0)
  })

  test('delete and rollback: 1 without the token, --yes is none; 0 with it', async () => {
    const large = await admin.revision()
    const refused = await run('delete', 'routes/all')
    assert.equal(refused.code, 1)
    const [given] = /[0-9a-f]{16}/.exec(refused.stderr) ?? []
    assert.equal((await run('delete', 'routes/all', '--confirm', given!)).code, 0)
    const back = await run('rollback', String(large), '--yes')
    assert.equal(back.code, 0, back.stderr)
    const none = await run('rollback', String(large + 1), '--yes')
    assert.equal(none.code, 1)
    assert.match(none.stderr, /would have 0 of its 40 endpoints/)
    const [other] = /--confirm ([0-9a-f]{16})/.exec(none.stderr)?.slice(1) ?? []
    assert.equal((await run('rollback', String(large + 1), '--yes', '--confirm', other!)).code, 0)
  })

  test('at a terminal it asks: no writes nothing, yes does', async () => {
    const before = await admin.revision()
    const no = await atTty(['apply', '-f', file], { steps: [{ await: '[y/N] ', send: 'n\r' }] })
    assert.equal(no.code, 1, no.shown)
    assert.match(no.shown, /Gateway\/edge would have 3 of its 40 endpoints/)
    assert.match(no.shown, /nothing is written/)
    assert.equal(await admin.revision(), before)
    const yes = await atTty(['delete', 'routes/all'], { steps: [{ await: '[y/N] ', send: 'y\r' }] })
    assert.equal(yes.code, 0, yes.shown)
    assert.equal(await admin.revision(), before + 1)
  })

  test('at a terminal a rollback asks once, for all that it shows', async () => {
    const large = await admin.revision()
    const { code } = await run('delete', 'routes/all', '--confirm', await tokenOf('DELETE', '/v1/routes/all'))
    assert.equal(code, 0)
    assert.equal((await run('rollback', String(large), '--yes')).code, 0)
    const shown = await atTty(['rollback', String(large + 1)], { steps: [{ await: '[y/N] ', send: 'y\r' }] })
    assert.equal(shown.code, 0, shown.shown)
    assert.match(shown.shown, /would have 0 of its 40 endpoints/)
  })

  test('an edit asks as well, and opens the editor no second time for a yes', async () => {
    const editor = `node -e "const fs=require('fs');const f=process.argv[1];fs.writeFileSync(f,fs.readFileSync(f,'utf8').replace(/endpoints:[\\s\\S]*/,'endpoints: []'))"`
    const edited = await atTty(['edit', 'clusters/shop'], {
      environment: { EDITOR: editor },
      steps: [{ await: '[y/N] ', send: 'y\r' }],
    })
    assert.equal(edited.code, 0, edited.shown)
    assert.deepEqual((await admin.call('GET', '/v1/clusters/shop')).body.spec.endpoints, [])
  })

  const tokenOf = async (method: string, path: string): Promise<string> =>
    (await admin.call(method, path)).body.confirmation.token
})
