import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DeliverQuestion } from '../../src/admin/context.ts'
import type { Receipt } from '../../src/model/receipt.ts'
import { type Answer, sample, startAdmin, type TestAdmin } from '../support/admin.ts'

const cluster = (name: string) => ({ kind: 'Cluster', name, spec: { endpoints: [] } })

describe('POST /v1/apply', () => {
  let admin: TestAdmin
  let questions: DeliverQuestion[] = []
  let answer: (question: DeliverQuestion) => Promise<Receipt>
  before(async () => {
    answer = async () => ({ state: 'none', envoys: [], replicas: [] })
    admin = await startAdmin({
      deliver: (question) => {
        questions.push(question)
        return answer(question)
      },
    })
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())

  test('200: one revision, the changes in the order of the documents, the receipt at once', async () => {
    questions = []
    const { status, body, headers } = await admin.call('POST', '/v1/apply', [cluster('a'), cluster('b')])
    assert.equal(status, 200)
    assert.equal(headers.get('weir-revision'), String(body.revision))
    assert.deepEqual(body.changes, [
      { kind: 'Cluster', name: 'a', action: 'created' },
      { kind: 'Cluster', name: 'b', action: 'created' },
    ])
    assert.deepEqual(
      body.warnings.map(({ message }: { message: string }) => message),
      ['nothing names Cluster/a', 'nothing names Cluster/b'],
    )
    assert.deepEqual(body.delivery, { state: 'none', envoys: [], replicas: [] })
    assert.equal(questions[0]?.timeoutMs, 0)
  })

  test('200: what is there already is unchanged and makes no revision', async () => {
    const before = await admin.revision()
    const { status, body, headers } = await admin.call('POST', '/v1/apply', sample)
    assert.equal(status, 200)
    assert.ok(body.changes.every(({ action }: { action: string }) => action === 'unchanged'))
    assert.equal(body.revision, before)
    assert.equal(headers.get('weir-revision'), String(before))
    assert.equal(await admin.revision(), before)
  })

  test('200: only what differs is updated', async () => {
    const changed = sample.replace('limit: 5', 'limit: 6')
    const { body } = await admin.call('POST', '/v1/apply', changed)
    const updated = body.changes.filter(({ action }: { action: string }) => action === 'updated')
    assert.deepEqual(updated, [{ kind: 'RateLimitPolicy', name: 'per-key', action: 'updated' }])
    const stored = await admin.call('GET', '/v1/rate-limit-policies/per-key')
    assert.equal(stored.body.spec.limit, 6)
  })

  test('200: the author and the message are kept, UTF-8 included', async () => {
    const message = Buffer.from('weil der Laden öffnet ☀').toString('latin1')
    const headers = { 'weir-author': 'ops@shop.example', 'weir-message': message }
    const { body } = await admin.call('POST', '/v1/apply', cluster('authored'), headers)
    const revision = await admin.call('GET', `/v1/revisions/${body.revision}`)
    assert.equal(revision.body.author, 'ops@shop.example')
    assert.equal(revision.body.message, 'weil der Laden öffnet ☀')
  })

  for (const type of [
    'application/yaml',
    'application/x-yaml',
    'text/yaml',
    'application/yaml; charset=UTF-8',
  ]) {
    test(`200: ${type}`, async () => {
      const { status } = await admin.call('POST', '/v1/apply', sample, { 'content-type': type })
      assert.equal(status, 200)
    })
  }

  test('200: a body of several MiB, while others are answered', async () => {
    const many = Array.from({ length: 4_000 }, (_, index) => ({
      ...cluster(`many-${index}`),
      labels: { pad: 'x'.repeat(200) },
    }))
    const yaml = many.map((document) => `---\n${JSON.stringify(document)}\n`).join('')
    let finished = false
    const large = admin.call('POST', '/v1/apply', yaml).finally(() => {
      finished = true
    })
    const health = await admin.call('GET', '/healthz')
    assert.equal(health.status, 200)
    assert.equal(finished, false, 'the small request was answered first')
    const { status, body } = await large
    assert.equal(status, 200)
    assert.equal(body.changes.length, 4_000)
  })

  describe('?wait=acked', () => {
    const envoy = { gateway: 'edge', id: 'edge-1', state: 'acked' as const }
    const wait = (path: string, name: string): Promise<Answer> =>
      admin.call('POST', path, { ...cluster(name), labels: { at: String(Math.random()) } })

    for (const state of ['acked', 'none', 'nacked'] as const) {
      test(`200: ${state}`, async () => {
        answer = async () => ({ state, envoys: [envoy], replicas: [] })
        const { status, body } = await wait('/v1/apply?wait=acked', 'waited')
        assert.equal(status, 200)
        assert.deepEqual(body.delivery, {
          state,
          envoys: [envoy],
          replicas: [],
        })
      })
    }

    test('202: pending, and the write is made all the same', async () => {
      answer = async () => ({ state: 'pending', envoys: [], replicas: [] })
      const { status, body } = await wait('/v1/apply?wait=acked&timeout=250ms', 'waited')
      assert.equal(status, 202)
      assert.equal(body.delivery.state, 'pending')
      assert.equal(await admin.revision(), body.revision)
      assert.equal(questions.at(-1)?.timeoutMs, 250)
    })

    test('the default of timeout is 10s, and the revision and the gateways concerned are asked for', async () => {
      answer = async () => ({ state: 'acked', envoys: [], replicas: [] })
      const { body } = await admin.call('POST', '/v1/apply?wait=acked', sample.replace('9001', '9002'))
      const { timeoutMs, gateways, revision } = questions.at(-1)!
      assert.equal(timeoutMs, 10_000)
      assert.deepEqual([...gateways], ['edge'])
      assert.equal(revision, body.revision)
    })

    test('without effect it asks about the current revision and the same gateways', async () => {
      const { body } = await admin.call('POST', '/v1/apply?wait=acked', sample.replace('9001', '9002'))
      const { gateways, revision } = questions.at(-1)!
      assert.deepEqual([...gateways], ['edge'])
      assert.equal(revision, body.revision)
    })

    test('a route that moves from one gateway to another concerns both', async () => {
      const spec = { listeners: [{ name: 'http', port: 10_999, protocol: 'http' }] }
      await admin.call('PUT', '/v1/gateways/other', { spec })
      await admin.call(
        'POST',
        '/v1/apply?wait=acked',
        sample.replace('gateways: [edge]', 'gateways: [other]'),
      )
      assert.deepEqual([...questions.at(-1)!.gateways].sort(), ['edge', 'other'])
      await admin.call('POST', '/v1/apply', sample)
    })

    test('a client that leaves while it waits changes nothing', async () => {
      const { promise: asked, resolve: arrived } = Promise.withResolvers<void>()
      const { promise: released, resolve: release } = Promise.withResolvers<void>()
      answer = async () => {
        arrived()
        await released
        return { state: 'acked', envoys: [], replicas: [] }
      }
      const leave = new AbortController()
      const request = fetch(`${admin.url}/v1/apply?wait=acked`, {
        method: 'POST',
        headers: { authorization: 'Bearer test-token', 'content-type': 'application/json' },
        body: JSON.stringify(cluster('left')),
        signal: leave.signal,
      })
      await asked
      leave.abort()
      await assert.rejects(request)
      release()
      answer = async () => ({ state: 'none', envoys: [], replicas: [] })
      assert.equal((await admin.call('GET', '/v1/clusters/left')).status, 200)
    })

    test('200: a delivery that cannot be asked for does not undo the write', async () => {
      answer = async () => {
        throw new Error('the fleet is not there')
      }
      const { status, body } = await wait('/v1/apply', 'undelivered')
      answer = async () => ({ state: 'none', envoys: [], replicas: [] })
      assert.equal(status, 200)
      assert.equal(body.delivery.state, 'pending')
      assert.equal(await admin.revision(), body.revision)
    })

    for (const query of [
      'wait=yes',
      'wait=acked&timeout=61s',
      'wait=acked&timeout=10',
      'timeout=5s',
      'wiat=acked',
      'prune=yes',
      'prune=',
      'dryRun=1',
      'dryRun=true&wait=acked',
    ]) {
      test(`400: ?${query}, and nothing is written`, async () => {
        const before = await admin.revision()
        const { status, body } = await wait(`/v1/apply?${query}`, `never-${query.length}`)
        assert.equal(status, 400)
        assert.notEqual(body.errors[0].remedy, '')
        assert.equal(await admin.revision(), before)
      })
    }
  })
})
