import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAdmin } from '../support/admin.ts'

test('20 writers at once: each write is one revision, and none is lost', async () => {
  const admin = await startAdmin()
  const writers = Array.from({ length: 20 }, (_, writer) => writer)
  const answers = await Promise.all(
    writers.flatMap((writer) =>
      [0, 1, 2].map((turn) =>
        admin.call('PUT', `/v1/clusters/c-${writer}-${turn}`, {
          spec: { endpoints: [{ address: '127.0.0.1', port: 1 + writer }] },
        }),
      ),
    ),
  )
  assert.deepEqual(
    answers.map(({ status }) => status).filter((status) => status !== 200),
    [],
  )
  const revisions = answers.map(({ body }) => body.revision).sort((a, b) => a - b)
  assert.deepEqual(
    revisions,
    Array.from({ length: 60 }, (_, index) => index + 1),
  )
  const { body } = await admin.call('GET', '/v1/clusters?limit=1000')
  assert.equal(body.items.length, 60)
  await admin.close()
})

test('of writers who saw the same form, one wins and the others are told', async () => {
  const admin = await startAdmin()
  const { headers } = await admin.call('PUT', '/v1/clusters/contested', { spec: { endpoints: [] } })
  const etag = headers.get('etag')!
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, writer) =>
      admin.call(
        'PUT',
        '/v1/clusters/contested',
        { owner: `w${writer}`, spec: { endpoints: [] } },
        { 'if-match': etag },
      ),
    ),
  )
  const statuses = answers.map(({ status }) => status).sort()
  assert.deepEqual(statuses, [200, ...Array(9).fill(412)])
  assert.equal(await admin.revision(), 2)
  await admin.close()
})
