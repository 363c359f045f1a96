import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startAdmin } from '../support/admin.ts'

test('closing answers a waiting write with pending, and ends idle connections at once', async () => {
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>()
  const admin = await startAdmin({
    deliver: async ({ signal }) => {
      arrived()
      await once(signal!, 'abort')
      return { state: 'pending', envoys: [], replicas: [] }
    },
  })
  const idle = connect(admin.port, '127.0.0.1')
  await once(idle, 'connect')
  const waiting = admin.call('POST', '/v1/apply?wait=acked&timeout=60s', {
    kind: 'Cluster',
    name: 'a',
    spec: { endpoints: [] },
  })
  await asked
  const started = performance.now()
  const [answer] = await Promise.all([waiting, once(idle, 'close'), admin.close(30_000)])
  assert.equal(answer.status, 202)
  assert.equal(answer.body.delivery.state, 'pending')
  assert.ok(performance.now() - started < 20_000, 'nothing waited for the end of the grace')
})

test('closing destroys what does not end within the grace', async () => {
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>()
  const { promise: never, resolve: release } = Promise.withResolvers<void>()
  const admin = await startAdmin({
    metrics: async () => {
      arrived()
      await never
      return { contentType: 'text/plain', text: '' }
    },
  })
  const hanging = admin.call('GET', '/metrics')
  hanging.catch(() => {})
  await asked
  const closed = admin.close(100)
  await assert.rejects(hanging)
  release()
  await closed
})
