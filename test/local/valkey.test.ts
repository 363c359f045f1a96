import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { takeDown } from '../../src/local/down.ts'
import { commandOf, isAlive } from '../../src/local/process-identity.ts'
import { ensureProgram, findProgram } from '../../src/local/program.ts'
import { readRecord } from '../../src/local/run-record.ts'
import { startValkey } from '../../src/local/valkey.ts'
import { valkeyProgram } from '../../src/local/valkey-binary.ts'
import type { Observe } from '../../src/observe.ts'
import { binaryOf } from '../support/binary.ts'
import { dataDirFor, recorder, script, until } from './sandbox.ts'

const binary = binaryOf(valkeyProgram)

/** Started as weir does it, and ended with the test. */
async function start(t: TestContext, dataDir: string, observe: Observe = () => {}) {
  const valkey = await startValkey({ dataDir, binary, observe })
  t.after(valkey.stop)
  return valkey
}

/** One command on a connection of its own. */
async function ask(url: string, ...[command, ...args]: [string, ...string[]]): Promise<unknown> {
  const options = { lazyConnect: true, enableReadyCheck: false, maxRetriesPerRequest: 0 }
  const client = new Redis(url, { ...options, retryStrategy: () => null })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.call(command, ...args)
  } finally {
    client.disconnect()
  }
}

test('Valkey starts, keeps its counters over a stop, and lets nobody in without the password', async (t) => {
  const dataDir = dataDirFor(t)
  const first = await start(t, dataDir)
  const record = readRecord(dataDir, 'valkey')!
  assert.equal(first.adopted, false)
  assert.deepEqual(new URL(first.url).host, `127.0.0.1:${record.port}`)
  const { password } = new URL(first.url)
  assert.doesNotMatch(commandOf(record.pid), new RegExp(password))
  for (const file of ['valkey.password', 'valkey/valkey.conf'])
    assert.equal(statSync(join(dataDir, file)).mode & 0o777, 0o600)
  assert.equal(statSync(join(dataDir, 'valkey')).mode & 0o777, 0o700)
  assert.deepEqual(await ask(first.url, 'CONFIG', 'GET', 'maxmemory-policy'), [
    'maxmemory-policy',
    'noeviction',
  ])
  assert.deepEqual(await ask(first.url, 'CONFIG', 'GET', 'bind'), ['bind', '127.0.0.1'])
  await ask(first.url, 'SET', 'kept', '7', 'PX', '600000')
  const stranger = connect(record.port, '127.0.0.1')
  stranger.write('GET kept\r\n')
  const [answer] = await once(stranger, 'data')
  stranger.destroy()
  assert.match(String(answer), /^-NOAUTH/)
  await first.stop()
  assert.equal(isAlive(record), false)
  assert.equal(readRecord(dataDir, 'valkey'), undefined)

  const second = await start(t, dataDir)
  assert.equal(await ask(second.url, 'GET', 'kept'), '7')
  assert.ok(((await ask(second.url, 'PTTL', 'kept')) as number) <= 600_000)
  await second.stop()
})

/** A Valkey whose weir was killed; returns its URL. */
async function orphan(t: TestContext, dataDir: string): Promise<string> {
  const weir = script(
    t,
    `import type { Observe } from '../../src/observe.ts'
import { startValkey } from '../../src/local/valkey.ts'
    const { url } = await startValkey({ dataDir: ${JSON.stringify(dataDir)}, binary: ${JSON.stringify(binary)}, observe() {} })
    setInterval(() => {}, 1000)
    console.log(url)`,
  )
  const url = await weir.line()
  weir.kill('SIGKILL')
  await weir.exited
  return url
}

test('after kill -9 of weir Valkey goes on, and the next start adopts it', async (t) => {
  const dataDir = dataDirFor(t)
  const url = await orphan(t, dataDir)
  assert.equal(await ask(url, 'SET', 'one', '1'), 'OK')
  const adopted = await start(t, dataDir)
  assert.deepEqual([adopted.adopted, adopted.url], [true, url])
  assert.equal(await ask(url, 'GET', 'one'), '1')
  await adopted.stop()
})

test('`weir down` ends the one that a killed weir left', async (t) => {
  const dataDir = dataDirFor(t)
  await orphan(t, dataDir)
  const { pid } = readRecord(dataDir, 'valkey')!
  assert.deepEqual(await takeDown(dataDir), { weir: undefined, children: [{ name: 'valkey', pid }] })
})

test('after kill -9 of Valkey it comes back on the same port with its counters', async (t) => {
  const dataDir = dataDirFor(t)
  const seen = recorder()
  const valkey = await start(t, dataDir, seen.observe)
  await ask(valkey.url, 'SET', 'kept', '7')
  const { pid, port } = readRecord(dataDir, 'valkey')!
  const restarted = seen.next('child_started')
  process.kill(pid, 'SIGKILL')
  await restarted
  assert.equal(readRecord(dataDir, 'valkey')?.port, port)
  await until('it answers', () =>
    ask(valkey.url, 'GET', 'kept').then(
      (value) => value === '7',
      () => false,
    ),
  )
  await valkey.stop()
})

test('counters that Valkey cannot read are one line with the reason', async (t) => {
  const dataDir = dataDirFor(t)
  const first = await start(t, dataDir)
  await ask(first.url, 'SET', 'kept', '7')
  await first.stop()
  const log = readFileSync(join(dataDir, 'valkey', 'appendonlydir', 'appendonly.aof.manifest'), 'utf8')
  const name = /file (\S+\.incr\.aof)/.exec(log)![1]!
  appendFileSync(join(dataDir, 'valkey', 'appendonlydir', name), 'nonsense\r\n*1\r\n$1\r\nx\r\n')
  await assert.rejects(startValkey({ dataDir, binary, observe: () => {} }), (error: Error) => {
    assert.match(error.message, /Valkey ended at its start: Bad file format.*valkey\.log/)
    assert.doesNotMatch(error.message, /\n/)
    return true
  })
  assert.equal(readRecord(dataDir, 'valkey'), undefined)
})

test('only a Valkey that has what the scripts need is taken, and Redis is named', async (t) => {
  const dataDir = dataDirFor(t)
  const folder = (name: string, says: string) => {
    mkdirSync(join(dataDir, name))
    writeFileSync(join(dataDir, name, 'valkey-server'), `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 })
    return join(dataDir, name)
  }
  const old = folder('old', 'Valkey server v=7.0.9 sha=00000000:0 malloc=libc')
  const other = folder('other', 'Redis server v=7.2.4 sha=00000000:0 malloc=libc')
  const right = folder('right', 'Valkey server v=7.2.5 sha=00000000:0 malloc=libc')
  const { found, skipped } = await findProgram(valkeyProgram, { path: `${old}:${other}:${right}`, dataDir })
  assert.deepEqual(found, { path: join(right, 'valkey-server'), version: '7.2.5', from: 'PATH' })
  assert.match(skipped.join(), /version 7\.0\.9.*Redis server/)
  const given = join(old, 'valkey-server')
  await assert.rejects(findProgram(valkeyProgram, { given, path: '', dataDir }), {
    code: 'startup',
    message: /VALKEY_BIN=.* is not a Valkey 7\.2 or later \(version 7\.0\.9\)/,
  })
  const real = await ensureProgram(valkeyProgram, { given: binary, dataDir, observe: () => {} })
  assert.equal(real.path, binary)
})
