import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { weir } from '../support/run-weir.ts'

describe('weir, without a server', () => {
  test('--help lists every command with a line; each command has an example', async () => {
    const { code, stdout } = await weir(['--help'])
    assert.equal(code, 0)
    const commands = [
      ...['up', 'serve', 'down', 'apply', 'diff', 'export', 'get', 'edit', 'delete', 'history', 'rollback'],
      ...[
        'explain',
        'explain-field',
        'limits',
        'fleet',
        'delivery',
        'events',
        'envoy',
        'token',
        'secrets',
        'completion',
      ],
    ]
    for (const command of commands) assert.match(stdout, new RegExp(`\\n  ${command} [^\\n]*\\w`))
    const helps = await Promise.all(
      [
        ...commands.map((command) => [command]),
        ...[
          ['envoy', 'bootstrap'],
          ['envoy', 'install'],
        ],
        ...['top', 'peek', 'reset', 'grant'].map((command) => ['limits', command]),
      ].map((args) => weir([...args, '--help'])),
    )
    for (const help of helps) {
      assert.equal(help.code, 0, help.stdout)
      assert.match(help.stdout, /Example[:,]/)
    }
  })

  test('up --help says which settings others would see as flags', async () => {
    const { stdout } = await weir(['up', '--help'])
    for (const flag of ['admin-token', 'database-url', 'secret-key', 'secret-key-previous'])
      assert.match(
        stdout,
        new RegExp(`--${flag} .*better as a variable: others see a flag in the process list`),
      )
  })

  test('--version 0', async () => {
    const { code, stdout } = await weir(['--version'])
    assert.equal(code, 0)
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  })

  for (const args of [
    [],
    ['aply'],
    ['apply'],
    ['apply', '-f'],
    ['apply', '-f', 'a', '-o', 'xml'],
    ['apply', '-f', 'a', '--timeout', '2m'],
    ['get'],
    ['fleet', '--nope'],
    ['envoy'],
    ['apply', '-f', 'a', '--wait', '--timeout', '5'],
    ['history', 'extra'],
    ['up', '--admin-addr'],
    ['serve', 'now'],
    ['limits'],
    ['limits', 'top', '--interval', '5'],
    ['limits', 'top', '-n', '101'],
    ['limits', 'peek', 'per-key'],
    ['limits', 'grant', 'per-key', 'id', 'all'],
    ['limits', 'grant', 'per-key', 'id', '0x10'],
    ['limits', 'grant', 'per-key', 'id', '1e3'],
    ['explain', 'edge'],
    ['explain', 'edge', '/', '-H', 'x-a'],
  ]) {
    test(`2: weir ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await weir(args)
      assert.deepEqual([code, stdout], [2, ''])
      assert.notEqual(stderr, '')
    })
  }

  test('2 says what was meant', async () => {
    assert.match((await weir(['aply'])).stderr, /Did you mean apply\?/)
    for (const command of ['up', 'serve', 'down']) {
      const { code, stdout, stderr } = await weir([command, '--hlep'])
      assert.deepEqual([code, stdout], [2, ''], stderr)
      assert.match(stderr, /did you mean "?--help"?\?/i)
    }
  })

  test('2 says of --timeout how it is written and what it is for', async () => {
    const noUnit = await weir(['apply', '-f', 'a', '--wait', '--timeout', '5'])
    assert.match(noUnit.stderr, /Write a number and its unit \(ms, s, m\), at most 60s, as in 10s/)
    for (const args of [
      ['apply', '-f', 'a'],
      ['edit', 'routes/a'],
      ['rollback', '1'],
      ['delete', 'routes/a'],
    ]) {
      const { code, stderr } = await weir([...args, '--timeout', '5s'])
      assert.equal(code, 2, args.join(' '))
      assert.equal(stderr, 'weir: --timeout says how long --wait waits: add --wait, or leave out --timeout\n')
    }
  })

  test('down 0: where nothing runs', async () => {
    const { code, stdout } = await weir(['down', '--data-dir', join(tmpdir(), 'weir-nowhere')])
    assert.equal(code, 0)
    assert.match(stdout, /nothing runs/)
  })
})
