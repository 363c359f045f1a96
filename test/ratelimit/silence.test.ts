import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { type TestContext, test } from 'node:test'
import type { Redis } from 'ioredis'
import { endSilence } from '../../src/ratelimit/stores/redis/silence.ts'

/** A connection, and the time that its watch sees. */
function connected(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const stream = Object.assign(new EventEmitter(), {
    bytesRead: 0,
    bytesWritten: 0,
    isEnded: false,
    destroy() {
      stream.isEnded = true
      stream.emit('close')
    },
  })
  const client = Object.assign(new EventEmitter(), { stream })
  endSilence(client as unknown as Redis)
  client.emit('connect')
  return { stream, pass: (milliseconds: number) => t.mock.timers.tick(milliseconds) }
}

test('a connection that was asked and is silent for two seconds ends', (t) => {
  const { stream, pass } = connected(t)
  stream.bytesWritten = 10
  pass(1_999)
  assert.equal(stream.isEnded, false)
  pass(1)
  assert.equal(stream.isEnded, true)
})

test('one that answers, or is not asked, does not', (t) => {
  const { stream, pass } = connected(t)
  pass(10_000)
  for (let call = 0; call < 10; call++) {
    stream.bytesWritten += 10
    pass(1_500)
    stream.bytesRead += 10
    pass(500)
  }
  pass(10_000)
  assert.equal(stream.isEnded, false)
})

test('one that answered once, and not again', (t) => {
  const { stream, pass } = connected(t)
  stream.bytesWritten = 10
  stream.bytesRead = 10
  pass(500)
  stream.bytesWritten = 20
  pass(2_000)
  assert.equal(stream.isEnded, true)
})
