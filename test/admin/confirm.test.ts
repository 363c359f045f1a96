import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { foresee } from '../../src/control/foresight.ts'
import { type Answer, startAdmin, type TestAdmin } from '../support/admin.ts'
import { testLive } from '../support/live.ts'

const endpoints = (number: number) =>
  Array.from({ length: number }, (_, at) => ({ address: `10.0.0.${at + 1}`, port: 80 }))
const cluster = (name: string, number: number) => ({
  ...{ kind: 'Cluster', name },
  spec: { endpoints: endpoints(number) },
})
const route = (name: string, more: object = {}) => ({
  ...{ kind: 'Route', name },
  spec: {
    ...{ gateways: ['edge'], match: { path: { prefix: `/${name}` } }, forward: [{ cluster: 'small' }] },
    ...more,
  },
})
const edge = {
  ...{ kind: 'Gateway', name: 'edge' },
  spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] },
}
const names = Array.from({ length: 24 }, (_, at) => `r${at}`)
/** 25 routes, 40 endpoints behind one of them. */
const whole = [
  edge,
  cluster('small', 1),
  cluster('large', 40),
  ...names.map((name) => route(name)),
  route('large', { forward: [{ cluster: 'large' }] }),
]

describe('a write that takes more than half from a gateway', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin({
      ...foresee(
        () => testLive(),
        (state) => state,
      ),
    })
  })
  beforeEach(async () => {
    const dry = await admin.call('POST', '/v1/apply?prune=true&dryRun=true', whole)
    const token = dry.body.confirmation?.token
    const { status, text } = await admin.call(
      'POST',
      `/v1/apply?prune=true${token === undefined ? '' : `&confirm=${token}`}`,
      whole,
    )
    assert.equal(status, 200, text)
  })
  after(() => admin.close())

  const fewer = (what: string, was: number, is: number) => ({ gateway: 'edge', what, before: was, after: is })
  const small = whole.slice(0, 10)
  const writes: [string, string, string, unknown, object[]][] = [
    [
      'PUT',
      'PUT',
      '/v1/clusters/large',
      { spec: { endpoints: endpoints(10) } },
      [fewer('endpoints', 41, 11)],
    ],
    ['PATCH', 'PATCH', '/v1/clusters/large', { spec: { endpoints: [] } }, [fewer('endpoints', 41, 1)]],
    ['DELETE of a route', 'DELETE', '/v1/routes/large', undefined, [fewer('endpoints', 41, 1)]],
    [
      'PATCH of a route to another cluster',
      'PATCH',
      '/v1/routes/large',
      { spec: { forward: [{ cluster: 'small' }] } },
      [fewer('endpoints', 41, 1)],
    ],
    ['apply', 'POST', '/v1/apply', [cluster('large', 19)], [fewer('endpoints', 41, 20)]],
    [
      'apply with prune',
      'POST',
      '/v1/apply?prune=true',
      small,
      [fewer('routes', 25, 7), fewer('endpoints', 41, 1)],
    ],
    [
      'apply with prune without the gateway itself',
      'POST',
      '/v1/apply?prune=true',
      [cluster('small', 1)],
      [fewer('routes', 25, 0), fewer('endpoints', 41, 0)],
    ],
  ]

  /** Merge patches go as JSON. */
  const send = (method: string, path: string, body: unknown, confirm?: string): Promise<Answer> => {
    const joint = path.includes('?') ? '&' : '?'
    return admin.call(method, confirm === undefined ? path : `${path}${joint}confirm=${confirm}`, body)
  }

  for (const [title, method, path, body, reductions] of writes) {
    test(`409, and 200 with the token: ${title}`, async () => {
      const revision = await admin.revision()
      const refused = await send(method, path, body)
      assert.equal(refused.status, 409, refused.text)
      assert.equal(refused.headers.get('content-type')?.split(';')[0], 'application/problem+json')
      assert.equal(refused.body.type, 'urn:weir:problem:confirmation_needed')
      assert.deepEqual(refused.body.confirmation.reductions, reductions)
      const { token } = refused.body.confirmation
      for (const { remedy } of refused.body.errors) {
        assert.equal(remedy, `if that is meant, send the same write again with ?confirm=${token}`)
      }
      assert.equal((await send(method, path, body, '0123456789abcdef')).status, 409)
      assert.equal(await admin.revision(), revision, 'nothing is written')
      const made = await send(method, path, body, token)
      assert.equal(made.status, 200, made.text)
      assert.equal(made.body.revision, revision + 1)
    })
  }

  test('409: a restore, and 200 with the token', async () => {
    const early = await admin.revision()
    const rest = await admin.call(
      'POST',
      '/v1/apply',
      Array.from({ length: 40 }, (_, at) => route(`more-${at}`)),
    )
    assert.equal(rest.status, 200)
    const refused = await admin.call('POST', `/v1/revisions/${early}/restore`)
    assert.equal(refused.status, 409)
    assert.deepEqual(refused.body.confirmation.reductions, [fewer('routes', 65, 25)])
    const { token } = refused.body.confirmation
    const made = await admin.call('POST', `/v1/revisions/${early}/restore?confirm=${token}`)
    assert.equal(made.status, 200, made.text)
  })

  test('409: the token of another write, or of one before somebody else wrote', async () => {
    const { body } = await send('PATCH', '/v1/clusters/large', { spec: { endpoints: [] } })
    const { token } = body.confirmation
    const other = await send('PATCH', '/v1/clusters/large', { spec: { endpoints: endpoints(1) } }, token)
    assert.equal(other.status, 409)
    assert.match(other.body.errors[0].remedy, /^the token that was sent is for another write/)
    assert.equal(
      (await admin.call('PUT', '/v1/clusters/of-another', { spec: { endpoints: [] } })).status,
      200,
    )
    const late = await send('PATCH', '/v1/clusters/large', { spec: { endpoints: [] } }, token)
    assert.equal(late.status, 409)
    assert.match(late.body.errors[0].remedy, /or for a state that has changed since; if this is meant/)
    assert.notEqual(late.body.confirmation.token, token)
    assert.equal(
      (await send('PATCH', '/v1/clusters/large', { spec: { endpoints: [] } }, late.body.confirmation.token))
        .status,
      200,
    )
    // Made once, it is for a state that is gone.
    assert.equal((await send('PUT', '/v1/clusters/large', cluster('large', 40))).status, 200)
    const again = await send(
      'PATCH',
      '/v1/clusters/large',
      { spec: { endpoints: [] } },
      late.body.confirmation.token,
    )
    assert.equal(again.status, 409)
  })

  test('200: half is left, or there were few; a token that nobody asked for changes nothing', async () => {
    const half = await send('PATCH', '/v1/clusters/large', { spec: { endpoints: endpoints(20) } }, 'anything')
    assert.equal(half.status, 200, half.text)
    const [, , , ...routes] = whole
    const kept = await send('POST', '/v1/apply?prune=true', [
      edge,
      cluster('small', 1),
      cluster('large', 20),
      ...routes.slice(12),
    ])
    assert.equal(kept.status, 200, kept.text)
    const few = await send('POST', '/v1/apply?prune=true', [edge])
    assert.equal(
      few.body.confirmation.reductions.length,
      1,
      'of 13 routes none needs to be left, of 21 endpoints 11',
    )
  })

  test('200: a dry run tells what would be asked, and its token is good for the write', async () => {
    const dry = await send('POST', '/v1/apply?prune=true&dryRun=true', small)
    assert.equal(dry.status, 200)
    const { token, reductions } = dry.body.confirmation
    assert.deepEqual(reductions, [fewer('routes', 25, 7), fewer('endpoints', 41, 1)])
    const warned = dry.body.warnings.filter(({ effect }: { effect: string }) => effect.includes(token))
    assert.deepEqual(
      warned.map(({ kind, name, message }: Record<string, string>) => `${kind}/${name} ${message}`),
      ['Gateway/edge would have 7 of its 25 routes', 'Gateway/edge would have 1 of its 41 endpoints'],
    )
    // However it is formatted.
    const yaml = small.map((each) => `---\n${JSON.stringify(each, null, 2)}\n`).join('')
    assert.equal((await send('POST', '/v1/apply?prune=true', yaml, token)).status, 200)
    const calm = await send('POST', '/v1/apply?dryRun=true', [cluster('large', 39)])
    assert.equal('confirmation' in calm.body, false)
  })

  test('422 before 409: what is invalid is told first; 412 as well', async () => {
    const invalid = await send('PATCH', '/v1/clusters/large', {
      spec: { endpoints: [], gateway: { name: 'x', listener: 'y' } },
    })
    assert.equal(invalid.status, 422)
    const stale = await admin.call('DELETE', '/v1/routes/large', undefined, { 'if-match': '"1"' })
    assert.equal(stale.status, 412)
  })

  test('an Idempotency-Key is kept by neither refusal, and by the write that was confirmed', async () => {
    const headers = { 'idempotency-key': 'confirmed-1' }
    const path = '/v1/routes/large'
    const refused = await admin.call('DELETE', path, undefined, headers)
    assert.equal(refused.status, 409)
    const confirmed = `${path}?confirm=${refused.body.confirmation.token}`
    const made = await admin.call('DELETE', confirmed, undefined, headers)
    assert.equal(made.status, 200, made.text)
    const again = await admin.call('DELETE', confirmed, undefined, headers)
    assert.deepEqual([again.status, again.body.revision], [200, made.body.revision])
  })
})
