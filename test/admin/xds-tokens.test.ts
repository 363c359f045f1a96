import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { WeirError } from '../../src/errors.ts'
import { startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { weir } from '../support/run-weir.ts'

describe('POST /v1/xds-tokens', () => {
  const issued: { gateways: readonly string[]; until: number }[] = []
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin({ xdsTokens: { issue: (pass) => `token ${issued.push(pass)}` } })
  })
  after(() => admin.close())
  const ask = (body: object) => admin.call('POST', '/v1/xds-tokens', body)

  test('200 with the token, for what was asked and as long as that', async () => {
    const before = Date.now()
    const { status, body } = await ask({ gateways: ['edge', 'a.b'], expires: '2h' })
    assert.equal(status, 200)
    const { gateways, until } = issued.at(-1)!
    const { warnings, ...made } = body
    assert.deepEqual(made, { token: 'token 1', gateways, expiresAt: new Date(until).toISOString() })
    assert.equal(warnings.length, 2)
    assert.deepEqual(gateways, ['edge', 'a.b'])
    assert.ok(until >= before + 2 * 3_600_000 && until <= Date.now() + 2 * 3_600_000)
    await ask({ gateways: ['edge'] })
    assert.ok(issued.at(-1)!.until >= before + 720 * 3_600_000)
  })

  test('a gateway that is not there is told of, and the token is made', async () => {
    await admin.call('PUT', '/v1/gateways/edge', {
      spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] },
    })
    const refused = 'an Envoy that asks for it is refused until it is written'
    const { body } = await ask({ gateways: ['edge', 'egde', 'partners'] })
    assert.match(body.token, /^token/)
    const warning = { kind: 'Gateway', message: 'there is no such gateway' }
    assert.deepEqual(body.warnings, [
      { ...warning, name: 'egde', pointer: '/gateways/1', effect: `did you mean "edge"? ${refused}` },
      { ...warning, name: 'partners', pointer: '/gateways/2', effect: refused },
    ])
    const environment = { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token }
    const ran = await weir(['token', 'xds', '-g', 'edge', '-g', 'partners'], { environment })
    assert.deepEqual([ran.code, /^token \d+\n$/.test(ran.stdout)], [0, true])
    assert.equal(ran.stderr, `weir: warning: Gateway/partners: there is no such gateway (${refused})\n`)
    assert.equal((await weir(['token', 'xds', '-g', 'edge'], { environment })).stderr, '')
  })

  test('200 while the database is away, of which nothing is asked', async () => {
    const current = admin.store.current
    const away = new WeirError('unavailable', 'The database cannot be reached.')
    admin.store.current = () => Promise.reject(away)
    try {
      const { status, body } = await ask({ gateways: ['edge'] })
      assert.deepEqual([status, body.warnings], [200, []])
    } finally {
      admin.store.current = current
    }
  })

  for (const [what, body, pointer] of [
    ['no gateway', { gateways: [] }, '/gateways'],
    ['a name that is none', { gateways: ['Edge'] }, '/gateways/0'],
    ['a time that is none', { gateways: ['edge'], expires: '30' }, '/expires'],
    ['a time beyond ten years', { gateways: ['edge'], expires: '87601h' }, '/expires'],
    ['another field', { gateways: ['edge'], key: 'x' }, '/key'],
  ] as const) {
    test(`422: ${what}`, async () => {
      const { status, body: problem } = await ask(body)
      assert.deepEqual([status, problem.errors[0].pointer], [422, pointer])
    })
  }

  test('409 where tokens count for nothing, with what to set', async () => {
    const other = await startAdmin()
    try {
      const { status, body } = await other.call('POST', '/v1/xds-tokens', { gateways: ['edge'] })
      assert.deepEqual([status, /WEIR_XDS_TOKENS=true/.test(JSON.stringify(body))], [409, true])
    } finally {
      await other.close()
    }
  })

  test('401 without the admin token', async () => {
    const headers = { authorization: 'Bearer x' }
    assert.equal((await admin.call('POST', '/v1/xds-tokens', { gateways: ['edge'] }, headers)).status, 401)
  })
})
