import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { program } from './sandbox.ts'

const repository = join(import.meta.dirname, '..', '..')
const lockfile = (version: string) => JSON.stringify({ packages: { '': {}, 'node_modules/a': { version } } })

/** A project with the launchers, a `main.ts` of this text, and this Node as the pinned one. */
function project(t: TestContext, main: string): string {
  const root = mkdtempSync(join(tmpdir(), 'weir-launcher-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  cpSync(join(repository, 'bin'), join(root, 'bin'), { recursive: true })
  mkdirSync(join(root, 'src', 'cli'), { recursive: true })
  mkdirSync(join(root, 'node_modules', 'node', 'bin'), { recursive: true })
  symlinkSync(process.execPath, join(root, 'node_modules', 'node', 'bin', 'node'))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  writeFileSync(join(root, 'package-lock.json'), lockfile('1.0.0'))
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), lockfile('1.0.0'))
  writeFileSync(join(root, 'src', 'main.ts'), main)
  writeFileSync(join(root, 'src', 'cli', 'main.ts'), main)
  return root
}

/** An npm that runs this JavaScript. */
function npm(root: string, text: string): NodeJS.ProcessEnv {
  mkdirSync(join(root, 'npm'))
  writeFileSync(join(root, 'npm', 'npm-cli.js'), text)
  writeFileSync(join(root, 'npm', 'package.json'), '{"type":"commonjs"}')
  return { ...process.env, npm_execpath: join(root, 'npm', 'npm-cli.js') }
}

const start = (t: TestContext, root: string, args: string[] = [], env = process.env) =>
  program(t, process.execPath, [join(root, 'bin', 'npm-start.mjs'), ...args], { env })

test('npm start runs `weir up` and ends with its exit code', async (t) => {
  const root = project(
    t,
    `export async function main(argv: string[]): Promise<number> {
      console.log(JSON.stringify([argv, process.env.WEIR_NPM_START]))
      return 7
    }`,
  )
  const launched = start(t, root, ['--admin-addr', '127.0.0.1:1'])
  assert.deepEqual(JSON.parse(await launched.line()), [['up', '--admin-addr', '127.0.0.1:1'], '1'])
  assert.equal((await launched.exited).code, 7)
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`npm start forwards ${signal} and ends last`, async (t) => {
    const root = project(
      t,
      `export function main(): Promise<number> {
        return new Promise((resolve) => {
          const busy = setInterval(() => {}, 1000)
          process.once('${signal}', () => {
            clearInterval(busy)
            console.log('stopped')
            resolve(5)
          })
          console.log(process.pid)
        })
      }`,
    )
    const launched = start(t, root)
    const pid = Number(await launched.line())
    launched.kill(signal)
    assert.equal(await launched.line(), 'stopped')
    assert.equal((await launched.exited).code, 5)
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })
}

test('a weir that is killed is 128 and the signal, and is not started again', async (t) => {
  const root = project(
    t,
    `export function main(): Promise<number> {
      console.log(process.pid)
      process.kill(process.pid, 'SIGKILL')
      return new Promise(() => {})
    }`,
  )
  const launched = start(t, root)
  await launched.line()
  assert.equal((await launched.exited).code, 128 + 9)
  await assert.rejects(launched.line())
})

test('what package-lock.json asks for is installed once', async (t) => {
  const root = project(t, `export const main = async () => 0`)
  const log = join(root, 'npm.log')
  const env = npm(
    root,
    `const fs = require('fs')
    fs.appendFileSync(${JSON.stringify(log)}, process.argv.slice(2).join(' ') + '\\n')
    fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json')`,
  )
  for (const version of ['1.0.0', '2.0.0', '2.0.0']) {
    writeFileSync(join(root, 'package-lock.json'), lockfile(version))
    assert.equal((await start(t, root, [], env).exited).code, 0)
  }
  writeFileSync(join(root, 'package-lock.json'), lockfile('3.0.0'))
  const both = [start(t, root, [], env), start(t, root, [], env)]
  for (const launched of both) assert.equal((await launched.exited).code, 0)
  assert.deepEqual(
    readFileSync(log, 'utf8').trim().split('\n'),
    Array(2).fill('ci --include=dev --no-audit --no-fund --loglevel=error'),
  )
})

test('an npm ci that fails is one line with a remedy', async (t) => {
  const cases: [string, RegExp][] = [
    [
      'npm error code ENOTFOUND\\nnpm error network request failed',
      /network request failed\)\. .*registry must be/,
    ],
    ['npm error code ENOSPC\\nnpm error nospc no space left on device', /Free some disk space/],
    ['npm error code EROFS\\nnpm error read-only', /read-only\)\. Make .* writable/],
    ['', /npm ci failed \(exit 1\)\. Run `npm ci`/],
  ]
  for (const [said, expected] of cases) {
    const root = project(t, `export const main = async () => 0`)
    writeFileSync(join(root, 'package-lock.json'), lockfile('2.0.0'))
    const launched = start(t, root, [], npm(root, `process.stderr.write('${said}'); process.exitCode = 1`))
    assert.equal((await launched.exited).code, 1)
    const lines = launched.stderr().trim().split('\n')
    assert.equal(lines.length, 2, launched.stderr())
    assert.match(lines[1]!, expected)
  }
})

test('bin/weir sends commands to the CLI, and ends quietly when nobody reads on', async (t) => {
  const root = project(
    t,
    `export async function main(argv: string[]): Promise<number> {
      for (let line = 0; line < 200_000; line++) console.log(argv.join(' '))
      return 3
    }`,
  )
  writeFileSync(join(root, 'src', 'main.ts'), '')
  const weir = join(root, 'bin', 'weir')
  const piped = program(t, '/bin/sh', [
    '-c',
    '"$0" "$1" export -o json | { read -r line; echo "$line"; }',
    process.execPath,
    weir,
  ])
  assert.equal(await piped.line(), 'export -o json')
  assert.equal((await piped.exited).code, 0)
  assert.equal(piped.stderr(), '')
  const whole = program(t, '/bin/sh', ['-c', '"$0" "$1" get > /dev/null', process.execPath, weir])
  assert.equal((await whole.exited).code, 3)
})

test('a signal to the whole group reaches weir, and the launcher still ends last', async (t) => {
  const root = project(
    t,
    `export function main(): Promise<number> {
      return new Promise((resolve) => {
        const busy = setInterval(() => {}, 1000)
        // Once by the group, once by the launcher.
        process.on('SIGINT', () => {
          clearInterval(busy)
          setTimeout(() => resolve(6), 50)
        })
        console.log(process.pid)
      })
    }`,
  )
  const launched = program(t, process.execPath, [join(root, 'bin', 'npm-start.mjs')], { detached: true })
  const pid = Number(await launched.line())
  process.kill(-launched.pid, 'SIGINT')
  assert.equal((await launched.exited).code, 6)
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})
