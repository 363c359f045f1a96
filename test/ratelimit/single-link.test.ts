import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { createSingleLink } from '../../src/ratelimit/stores/redis/single.ts'
import { startValkey } from '../support/valkey.ts'

test('a client that ended by itself is opened again, one that was closed is not', async (t) => {
  const valkey = await startValkey()
  t.after(valkey.stop)
  const link = createSingleLink({ host: '127.0.0.1', port: valkey.port })
  await once(link.client, 'ready')
  // What ioredis does when a Sentinel tells of a failover while it connects.
  link.client.disconnect()
  await once(link.client, 'ready')
  assert.equal(await link.client.ping(), 'PONG')
  const ended = once(link.client, 'end')
  link.close()
  await ended
  assert.equal(link.client.status, 'end')
})
