import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { putAside } from '../../src/local/log-size.ts'

describe('the log of a process that goes on writing', () => {
  let folder: string
  let path: string
  let file: number

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-log-'))
    path = join(folder, 'envoy-edge.log')
    // As children have it.
    file = openSync(path, 'a')
  })
  after(() => {
    closeSync(file)
    rmSync(folder, { recursive: true })
  })

  test('stays as it is up to the limit', async () => {
    writeSync(file, 'one\n')
    await putAside(path, 4)
    assert.equal(readFileSync(path, 'utf8'), 'one\n')
  })

  test('is put aside beyond it, and what comes next begins a new one', async () => {
    writeSync(file, 'two\n')
    await putAside(path, 4)
    writeSync(file, 'three\n')
    assert.deepEqual(
      [readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')],
      ['one\ntwo\n', 'three\n'],
    )
  })

  test('takes the place of the one before', async () => {
    await putAside(path, 4)
    assert.deepEqual([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')], ['three\n', ''])
  })
})
