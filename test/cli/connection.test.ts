import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { identify } from '../../src/local/process-identity.ts'
import { startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { weir } from '../support/run-weir.ts'

describe('the weir that a data dir names', () => {
  let admin: TestAdmin
  let folder: string
  const self = identify(process.pid)!
  const describeHolder = (holder: object) =>
    writeFileSync(join(folder, 'weir.json'), JSON.stringify({ ...self, state: 'running', ...holder }))
  const fleet = (args: string[] = [], environment: Record<string, string> = {}) =>
    weir(['fleet', ...args], { environment: { WEIR_DATA_DIR: folder, ...environment } })
  before(async () => {
    admin = await startAdmin()
  })
  after(() => admin.close())
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-cli-'))
    writeFileSync(join(folder, 'token'), `${token}\n`)
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('0: is the one that is asked', async () => {
    describeHolder({ admin: admin.url })
    const { code, stderr } = await fleet()
    assert.deepEqual([code, stderr], [0, ''])
  })

  test('1: was killed: nobody else is asked, and what to do', async () => {
    // The process of that number is another one by now.
    describeHolder({ startTime: 1, admin: admin.url })
    const { code, stdout, stderr } = await fleet()
    assert.deepEqual([code, stdout], [1, ''])
    assert.equal(
      stderr,
      `weir: weir of ${folder} is gone without having been stopped (pid ${process.pid}, at ${admin.url}).\n` +
        'weir: Start it again with `weir up` or `weir serve`, or name the address of another one by --url or WEIR_URL.\n',
    )
  })

  test('0: was killed, and another one is named', async () => {
    describeHolder({ startTime: 1, admin: 'http://127.0.0.1:1' })
    assert.equal((await fleet(['--url', admin.url])).code, 0)
    assert.equal((await fleet([], { WEIR_URL: admin.url })).code, 0)
  })

  test('1: is not ready', async () => {
    describeHolder({})
    const { code, stderr } = await fleet()
    assert.equal(code, 1)
    assert.match(stderr, /does not serve its admin API yet/)
    assert.equal((await fleet(['--url', admin.url])).code, 0)
  })
})
