import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { adoptChild, type Child, logPath, startChild, stopProcess } from '../../src/local/child.ts'
import { identify, isAlive, startTimeOf } from '../../src/local/process-identity.ts'
import { readRecord, writeRecord } from '../../src/local/run-record.ts'
import { supervise } from '../../src/local/supervise.ts'
import { dataDirFor, recorder, script, until } from './sandbox.ts'

const name = 'sleeper'
const kill = [{ signal: 'SIGTERM', graceMs: 5_000 }] as const
const command = (program: string) => ({
  file: process.execPath,
  args: ['-e', program],
  env: { PATH: '/usr/bin:/bin' },
  cwd: '/',
})
const sleeper = (dataDir: string, observe = recorder().observe, program = 'setInterval(() => {}, 1000)') =>
  startChild({ name, dataDir, command: command(program), port: 4711, fingerprint: 'a', observe })
const adopt = (dataDir: string, fingerprint: string, observe = recorder().observe) =>
  adoptChild({ name, dataDir, fingerprint, observe, stop: (record) => stopProcess(record, [...kill]) })

test('a child has its own process group, a record and a log, and no secrets', async (t) => {
  const dataDir = dataDirFor(t)
  process.env.WEIR_SECRET_KEY = 'secret'
  t.after(() => delete process.env.WEIR_SECRET_KEY)
  const child = await sleeper(
    dataDir,
    undefined,
    `console.log(JSON.stringify([process.pid, process.env.WEIR_SECRET_KEY ?? 'none'])); setInterval(() => {}, 1000)`,
  )
  const { pid } = child.identity
  const record = readRecord(dataDir, name)
  assert.deepEqual([record?.pid, record?.startTime, record?.port], [pid, startTimeOf(pid), 4711])
  assert.equal(statSync(join(dataDir, 'run', `${name}.json`)).mode & 0o777, 0o600)
  await until('the log', () => child.log() !== '')
  assert.deepEqual(JSON.parse(child.log()), [pid, 'none'])
  process.kill(-pid, 0) // throws unless it leads a group
  await child.stop([...kill])
  assert.equal(isAlive(child.identity), false)
  assert.equal(readRecord(dataDir, name), undefined)
})

test('a child outlives a killed weir, and is adopted by the same fingerprint only', async (t) => {
  const dataDir = dataDirFor(t)
  const weir = script(
    t,
    `import { startChild } from '../../src/local/child.ts'
    const command = { file: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'], env: {}, cwd: '/' }
    const options = { name: 'sleeper', dataDir: ${JSON.stringify(dataDir)}, port: 1, fingerprint: 'a', observe() {} }
    const child = await startChild({ ...options, command })
    setInterval(() => {}, 1000)
    console.log(child.identity.pid)`,
  )
  const pid = Number(await weir.line())
  weir.kill('SIGKILL')
  await weir.exited
  const seen = recorder()
  const adopted = await adopt(dataDir, 'a', seen.observe)
  assert.equal(adopted?.identity.pid, pid)
  assert.equal(adopted?.adopted, true)
  assert.ok(isAlive(adopted.identity))
  assert.equal(seen.all('child_adopted').length, 1)

  assert.equal(await adopt(dataDir, 'b', seen.observe), undefined)
  assert.equal(seen.all('child_cleared')[0]?.pid, pid)
  assert.equal(isAlive(adopted.identity), false)
  await adopted.exited
})

test('a weir that is killed before the record is in place leaves no child', async (t) => {
  const dataDir = dataDirFor(t)
  const mark = join(dataDir, 'mark')
  const weir = script(
    t,
    `import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    import { startChild } from '../../src/local/child.ts'
    fs.renameSync = () => process.kill(process.pid, 'SIGKILL')
    syncBuiltinESMExports()
    const program = 'require("fs").writeFileSync(process.argv[1], "ran")'
    const command = { file: process.execPath, args: ['-e', program, ${JSON.stringify(mark)}], env: {}, cwd: '/' }
    const options = { name: 'sleeper', dataDir: ${JSON.stringify(dataDir)}, port: 1, fingerprint: 'a', observe() {} }
    await startChild({ ...options, command })`,
  )
  assert.equal((await weir.exited).signal, 'SIGKILL')
  const run = join(dataDir, 'run')
  const draft = readdirSync(run).find((file) => file.endsWith('.tmp'))!
  const record = JSON.parse(readFileSync(join(run, draft), 'utf8'))
  await until('its end', () => !isAlive(record))
  assert.equal(existsSync(mark), false)
})

test('a process that took over the number of a recorded child is left alone', async (t) => {
  const dataDir = dataDirFor(t)
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.after(() => stranger.kill('SIGKILL'))
  await once(stranger, 'spawn')
  const identity = identify(stranger.pid!)!
  await sleeper(dataDir).then((child) => child.stop([...kill]))
  writeRecord(dataDir, name, { ...identity, startTime: identity.startTime - 1, port: 1, fingerprint: 'a' })
  const seen = recorder()
  assert.equal(await adopt(dataDir, 'a', seen.observe), undefined)
  assert.equal(seen.all('child_cleared')[0]?.reason, 'no longer running')
  assert.ok(isAlive(identity))
  assert.equal(readRecord(dataDir, name), undefined)
})

test('records that name init, a group or nothing readable are not believed', async (t) => {
  const dataDir = dataDirFor(t)
  await sleeper(dataDir).then((child) => child.stop([...kill]))
  for (const text of [
    '',
    '{"pid":1,"startTime":0}',
    '{"pid":-5,"startTime":0}',
    '{"pid":"7"}',
    '[]',
    'null',
  ]) {
    writeFileSync(join(dataDir, 'run', `${name}.json`), text)
    assert.equal(readRecord(dataDir, name), undefined, text)
  }
})

test('one that ignores the signal is killed at the deadline', async (t) => {
  const dataDir = dataDirFor(t)
  const deaf = `process.on('SIGTERM', () => {}); console.log('deaf'); setInterval(() => {}, 1000)`
  const child = await sleeper(dataDir, undefined, deaf)
  await until('its log', () => child.log() === 'deaf')
  await child.stop([{ signal: 'SIGTERM', graceMs: 200 }])
  assert.deepEqual(await child.exited, { code: null, signal: 'SIGKILL' })
})

test('a log of more than 10 MiB is rotated at the start', async (t) => {
  const dataDir = dataDirFor(t)
  await sleeper(dataDir).then((child) => child.stop([...kill]))
  truncateSync(logPath(dataDir, name), 11 * 1024 * 1024)
  await sleeper(dataDir).then((child) => child.stop([...kill]))
  assert.equal(statSync(`${logPath(dataDir, name)}.1`).size, 11 * 1024 * 1024)
  assert.equal(readFileSync(logPath(dataDir, name), 'utf8'), '')
})

test('an unexpected end is observed with the log, and restarted after a growing pause', async (t) => {
  const dataDir = dataDirFor(t)
  const seen = recorder()
  const starts: number[] = []
  const launch = (): Promise<Child> => {
    starts.push(performance.now())
    return sleeper(dataDir, seen.observe, `console.log('out of cheese'); process.exit(3)`)
  }
  const supervised = await supervise({
    launch,
    stopChild: (child) => child.stop([...kill]),
    observe: seen.observe,
  })
  for (let exits = 0; exits < 3; exits++) {
    const { code, log } = await seen.next('child_exited')
    assert.deepEqual([code, log], [3, 'out of cheese'])
  }
  await supervised.stop()
  const [first = 0, second = 0, third = 0] = starts
  // A busy machine only makes pauses longer.
  assert.ok(second - first >= 95 && third - second >= 195, starts.join())
  const after = starts.length
  assert.equal(readRecord(dataDir, name), undefined)
  await supervised.stop()
  assert.equal(starts.length, after)
})

test('the end of an adopted child is noticed', async (t) => {
  const dataDir = dataDirFor(t)
  const seen = recorder()
  const first = await sleeper(dataDir)
  const launch = async () => (await adopt(dataDir, 'a')) ?? sleeper(dataDir, seen.observe)
  const supervised = await supervise({
    launch,
    stopChild: (child) => child.stop([...kill]),
    observe: seen.observe,
  })
  assert.equal(supervised.child().identity.pid, first.identity.pid)
  const restarted = seen.next('child_started')
  process.kill(first.identity.pid, 'SIGKILL')
  assert.notEqual((await restarted).pid, first.identity.pid)
  await supervised.stop()
})
