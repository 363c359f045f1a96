import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { type OnTheWay, startDetour } from '../support/detour.ts'
import { weir } from '../support/run-weir.ts'

describe('weir, when the connection is lost before the answer', () => {
  let admin: TestAdmin
  let detour: Awaited<ReturnType<typeof startDetour>>
  let onTheWay: OnTheWay
  let keys: unknown[]
  const apply = () =>
    weir(['apply', '-f', '-', '-m', 'once'], {
      environment: { WEIR_URL: detour.url, WEIR_ADMIN_TOKEN: token },
      stdin: sample,
    })
  before(async () => {
    admin = await startAdmin()
    detour = await startDetour(admin.url, () => (request, pass) => {
      keys.push(request.headers['idempotency-key'])
      return onTheWay(request, pass)
    })
  })
  after(async () => {
    await detour.close()
    await admin.close()
  })

  test('0: a write that was made is not made again, and its own answer is told', async () => {
    keys = []
    onTheWay = async (_, pass) => {
      const answer = await pass()
      return keys.length === 1 ? undefined : answer
    }
    const { code, stdout, stderr } = await apply()
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^created {4}Gateway\/edge\n/)
    assert.equal(await admin.revision(), 1)
    assert.equal(keys.length, 2)
    assert.match(String(keys[0]), /^[0-9a-f-]{36}$/)
    assert.equal(keys[1], keys[0])
  })

  test('each command has a key of its own', async () => {
    keys = []
    onTheWay = (_, pass) => pass()
    await apply()
    await apply()
    assert.equal(new Set(keys).size, 2)
  })

  test('1: the outcome is told to be unknown where it stays so, with what to look at', async () => {
    keys = []
    onTheWay = async () => undefined
    const { code, stdout, stderr } = await apply()
    assert.deepEqual([code, stdout, keys.length], [1, '', 3])
    assert.match(stderr, /whether it was written is unknown\.\nweir: `weir history` says/)
  })

  test('1: a server that fails on the second attempt says nothing of the first', async () => {
    keys = []
    const body = Buffer.from('{"status":503,"detail":"The database cannot be reached; nothing was written."}')
    onTheWay = async () => (keys.length === 1 ? undefined : { status: 503, headers: {}, body })
    const { code, stderr } = await apply()
    assert.equal(code, 1)
    assert.match(stderr, /is unknown/)
    assert.doesNotMatch(stderr, /nothing was written/)
  })
})
