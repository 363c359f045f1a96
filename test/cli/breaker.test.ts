import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { token } from '../support/admin.ts'
import { type BreakerAdmin, startBreakerAdmin } from '../support/breaker-admin.ts'
import { weir } from '../support/run-weir.ts'

describe('weir breaker', () => {
  let admin: BreakerAdmin
  before(async () => {
    admin = await startBreakerAdmin()
  })
  after(() => admin.close())
  const run = (...args: string[]) => {
    return weir(['breaker', ...args], { environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token } })
  }

  test('status: all, and one', async () => {
    const { code, stdout, stderr } = await run('status')
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^CLUSTER +STATE +SINCE +NOW +OPENS AT +POLICY\n/)
    assert.match(stdout, /\nshop +closed +\S+Z +0 of 0 failed +6 of 10 +strict\n$/)
    const one = await run('status', 'shop', '-o', 'json')
    assert.deepEqual(JSON.parse(one.stdout).opensAt, { failures: 6, of: 10 })
    assert.deepEqual(JSON.parse((await run('status', '-o', 'json')).stdout), [JSON.parse(one.stdout)])
  })

  test('open and close', async () => {
    const opened = await run('open', 'shop', '-m', 'it burns')
    assert.equal(opened.code, 0, opened.stderr)
    assert.match(opened.stdout, /\nshop +open +\S+ +until it is closed, by \S+: it burns +6 of 10/)
    const timed = JSON.parse((await run('open', 'shop', '--for', '10m', '-o', 'json')).stdout)
    assert.equal(timed.held.until, timed.halfOpenAt)
    assert.match((await run('status')).stdout, new RegExp(`until ${timed.halfOpenAt}, by \\S+ +6 of 10`))
    assert.match((await run('close', 'shop')).stdout, /\nshop +closed /)
  })

  test('refusals say what to do', async () => {
    const without = await run('open', 'plain')
    assert.deepEqual([without.code, without.stdout], [1, ''])
    assert.match(without.stderr, /^weir: The cluster plain has no circuit breaker in force.*outlierDetection/)
    const odd = await run('open', 'shop', '--for', '10')
    assert.equal(odd.code, 1)
    assert.match(odd.stderr, /for: .*write a whole number and a unit/)
    assert.equal((await run('open')).code, 2)
    for (const command of ['status', 'open', 'close'])
      assert.match((await run(command, '--help')).stdout, /\nExample: weir breaker /)
  })

  test('a store that is away is a warning', async () => {
    admin.away('cannot be reached')
    const { code, stdout, stderr } = await run('status')
    assert.deepEqual([code, stderr], [0, 'warning: the store cannot be reached\n'])
    assert.match(stdout, /\nshop +closed /)
    const environment = { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token }
    const doubt = 'not all is known of circuit breakers: the store cannot be reached\n'
    for (const args of [['health'], ['health', 'shop'], ['fleet']])
      assert.ok((await weir(args, { environment })).stdout.includes(doubt), args.join(' '))
    admin.away(undefined)
  })
})
