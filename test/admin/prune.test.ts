import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { GatewayChange } from '../../src/admin/context.ts'
import { preview } from '../../src/control/preview.ts'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'
import { testLive } from '../support/live.ts'
import { withClient } from '../support/postgres.ts'

const live = testLive()
const cluster = (name: string) => ({ kind: 'Cluster', name, spec: { endpoints: [] } })

describe('POST /v1/apply', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin({ preview: (before, after, gateways) => preview(before, after, gateways, live) })
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())

  describe('?dryRun=true', () => {
    const rehearse = (body: unknown, more = '') => admin.call('POST', `/v1/apply?dryRun=true${more}`, body)
    const changeOf = (body: { gateways: GatewayChange[] }) => body.gateways[0]

    test('200: the diff of the model, and nothing is written', async () => {
      const revision = await admin.revision()
      const changed = sample.replace('9001', '9002').replace('team: checkout', 'team: x')
      const { status, body, headers } = await rehearse(changed)
      assert.equal(status, 200)
      assert.equal(body.dryRun, true)
      assert.equal(body.revision, revision)
      assert.equal(headers.get('weir-revision'), String(revision))
      assert.deepEqual(
        body.changes.map(({ action }: { action: string }) => action),
        ['unchanged', 'updated', 'unchanged', 'unchanged'],
      )
      assert.deepEqual(body.diff, [
        {
          kind: 'Cluster',
          name: 'echo',
          action: 'updated',
          patch: [
            { op: 'replace', path: '/labels/team', value: 'x', old: 'checkout' },
            { op: 'replace', path: '/spec/endpoints/0/port', value: 9002, old: 9001 },
          ],
        },
      ])
      assert.equal(await admin.revision(), revision)
      assert.equal((await admin.call('GET', '/v1/clusters/echo')).body.labels.team, 'checkout')
    })

    test('200: an endpoint changes only endpoints, and drains nothing', async () => {
      const { body } = await rehearse(sample.replace('9001', '9002'))
      assert.deepEqual(changeOf(body), {
        gateway: 'edge',
        added: [],
        changed: [{ type: 'endpoints', name: 'echo' }],
        removed: [],
        drains: [],
      })
    })

    test('200: a port that changes drains its listener, a listener that is new drains none', async () => {
      const moved = await rehearse(sample.replace('port: 10000', 'port: 10001'))
      assert.deepEqual(changeOf(moved.body)?.drains, ['edge/http@127.0.0.1:10000'])
      const more = sample.replace(
        'protocol: http }]',
        'protocol: http }, { name: b, port: 10002, protocol: http }]',
      )
      const added = await rehearse(more)
      assert.deepEqual(changeOf(added.body)?.drains, [])
      assert.ok(
        changeOf(added.body)?.added.some(
          ({ type, name }) => type === 'listener' && name === 'edge/b@127.0.0.1:10002',
        ),
      )
    })

    test('200: without effect there is no difference', async () => {
      const { body } = await rehearse(sample)
      assert.deepEqual([body.diff, body.gateways], [[], []])
    })

    test('200: a secret shows as a reference that is not kept', async () => {
      const text = 'another-long-random-key'
      const consumer = { kind: 'Consumer', name: 'dry', spec: { apiKeys: [{ id: 'main', value: text }] } }
      const { status, text: answer, body } = await rehearse([consumer])
      assert.equal(status, 200)
      assert.ok(!answer.includes(text))
      const [key] = body.diff[0].patch[0].value.spec.apiKeys
      assert.equal(key.value.secretRef, '(new)')
      const kept = await withClient(admin.databaseUrl, async (client) => {
        const { rows } = await client.query('select count(*)::int as count from secrets')
        return rows[0].count
      })
      assert.equal(kept, 0)
    })

    test('422: what a write would refuse', async () => {
      const { status, body } = await rehearse(sample.replace('[per-key]', '[nobody]'))
      assert.equal(status, 422)
      assert.equal(body.errors[0].pointer, '/spec/rateLimits/0')
      assert.equal(body.errors[0].document, 3)
    })

    test('400: together with wait', async () => {
      assert.equal((await rehearse(sample, '&wait=acked')).status, 400)
      assert.equal((await admin.call('POST', '/v1/apply?dryRun=yes', sample)).status, 400)
    })
  })

  describe('?prune=true', () => {
    test('200: what is not in the request is deleted, of every kind', async () => {
      await admin.call('POST', '/v1/apply', [cluster('extra'), { kind: 'Plan', name: 'gold', spec: {} }])
      const dry = await admin.call('POST', '/v1/apply?prune=true&dryRun=true', sample)
      const deleted = [
        { kind: 'Cluster', name: 'extra', action: 'deleted' },
        { kind: 'Plan', name: 'gold', action: 'deleted' },
      ]
      const deletions = (changes: { action: string; kind: string }[]) =>
        changes.filter(({ action }) => action === 'deleted').sort((a, b) => (a.kind < b.kind ? -1 : 1))
      assert.deepEqual(deletions(dry.body.changes), deleted)
      assert.equal((await admin.call('GET', '/v1/clusters/extra')).status, 200)
      const { status, body } = await admin.call('POST', '/v1/apply?prune=true', sample)
      assert.equal(status, 200)
      assert.deepEqual(deletions(body.changes), deleted)
      assert.equal((await admin.call('GET', '/v1/clusters/extra')).status, 404)
      const again = await admin.call('POST', '/v1/apply?prune=true', sample)
      assert.equal(again.body.revision, body.revision)
    })

    for (const [title, body] of [
      ['an empty file', ''],
      ['only a comment', '# nothing\n---\n'],
      ['an empty list', []],
    ] as const) {
      test(`422: ${title} deletes nothing`, async () => {
        const revision = await admin.revision()
        assert.equal((await admin.call('POST', '/v1/apply?prune=true', body)).status, 422)
        assert.equal(await admin.revision(), revision)
      })
    }

    test('422: a document that refers to what would be deleted', async () => {
      const [, , , route] = sample.split('---\n')
      const { status, body } = await admin.call('POST', '/v1/apply?prune=true', route!)
      assert.equal(status, 422)
      assert.deepEqual(
        body.errors
          .map(({ document, pointer }: { document: number; pointer: string }) => [document, pointer])
          .sort(),
        [
          [0, '/spec/forward/0/cluster'],
          [0, '/spec/gateways/0'],
          [0, '/spec/rateLimits/0'],
        ],
      )
    })
  })
})
