import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { WeirError } from '../../src/errors.ts'
import { readHolder, takeLock } from '../../src/local/lock.ts'
import { dataDirFor, script } from './sandbox.ts'

const holding = (dataDir: string, then: string) => `
  import { takeLock } from '../../src/local/lock.ts'
  const lock = await takeLock(${JSON.stringify(dataDir)})
  setInterval(() => {}, 1000)
  ${then}
  console.log('holds')`

const startup = (message: RegExp) => (error: unknown) =>
  error instanceof WeirError &&
  error.code === 'startup' &&
  !error.message.includes('\n') &&
  message.test(error.message)

test('a running holder is named at once, and its end however it comes frees the lock', async (t) => {
  const dataDir = dataDirFor(t)
  const holder = script(t, holding(dataDir, `lock.describe({ admin: 'http://127.0.0.1:1' })`))
  assert.equal(await holder.line(), 'holds')
  assert.equal(readHolder(dataDir)?.pid, holder.pid)
  assert.equal(readHolder(dataDir)?.admin, 'http://127.0.0.1:1')
  assert.equal(statSync(join(dataDir, 'weir.json')).mode & 0o777, 0o600)
  const begun = performance.now()
  await assert.rejects(
    takeLock(dataDir),
    startup(new RegExp(`pid ${holder.pid}\\) runs in .*weir down.*WEIR_DATA_DIR`)),
  )
  assert.ok(performance.now() - begun < 10_000, 'it did not wait for a holder that runs')

  holder.kill('SIGKILL')
  await holder.exited
  assert.equal(readHolder(dataDir), undefined)
  const lock = await takeLock(dataDir)
  assert.equal(readHolder(dataDir)?.pid, process.pid)
  await assert.rejects(takeLock(dataDir), startup(/runs in/))
  lock.release()
  assert.equal(readHolder(dataDir), undefined)
  ;(await takeLock(dataDir)).release()
})

test('a stopping holder is waited for', async (t) => {
  const dataDir = dataDirFor(t)
  const stopping = `lock.describe({ state: 'stopping' }); process.on('SIGTERM', () => { lock.release(); process.exit(0) })`
  const holder = script(t, holding(dataDir, stopping))
  assert.equal(await holder.line(), 'holds')
  await assert.rejects(takeLock(dataDir, { waitMs: 300 }), startup(/is still stopping/))
  const taking = takeLock(dataDir)
  holder.kill('SIGTERM')
  ;(await taking).release()
})

test('a holder whose process id was given to another process is not believed', async (t) => {
  const dataDir = dataDirFor(t)
  writeFileSync(
    join(dataDir, 'weir.json'),
    JSON.stringify({ pid: process.pid, startTime: 1, state: 'running' }),
  )
  assert.equal(readHolder(dataDir), undefined)
  ;(await takeLock(dataDir)).release()
})

test('a folder that cannot be used is one line with a remedy', async (t) => {
  const dataDir = dataDirFor(t)
  const file = join(dataDir, 'file')
  writeFileSync(file, '')
  await assert.rejects(takeLock(file), startup(/is not a folder.*WEIR_DATA_DIR/))
  await assert.rejects(takeLock(join(file, 'below')), startup(/is not a folder.*WEIR_DATA_DIR/))
  await assert.rejects(takeLock('/proc/weir'), startup(/WEIR_DATA_DIR/))
})

test('the holder is written whole', async (t) => {
  const dataDir = dataDirFor(t)
  const lock = await takeLock(dataDir)
  lock.describe({ state: 'stopping' })
  assert.equal(JSON.parse(readFileSync(join(dataDir, 'weir.json'), 'utf8')).state, 'stopping')
  lock.release()
  lock.describe({ state: 'running' })
  assert.equal(existsSync(join(dataDir, 'weir.json')), false)
})
