import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bounds } from '../../src/xds/bounds.ts'
import { Memories } from '../../src/xds/memories.ts'
import { StreamMemory } from '../../src/xds/memory.ts'
import { retryDelay } from '../../src/xds/retry.ts'
import { type Protocol, protocols } from './dialects.ts'
import { PlainClient, plainSnapshot, stillClock } from './plain.ts'

const listeners = (revision: number, ...names: string[]) =>
  plainSnapshot(revision, { listener: Object.fromEntries(names.map((name) => [name, '1'])) })

/** A client that refused each of these listeners. */
function refusing(protocol: Protocol, names: string[], now = () => 0): PlainClient {
  const memory = new StreamMemory({ now, random: () => 0.5 })
  const client = new PlainClient(protocol, listeners(1, ...names), { memory })
  client.ask('listener')
  for (let n = 0; client.delivery() === 'pending'; n++) {
    assert.ok(n < 100)
    client.nack('listener', 'address in use')
  }
  assert.equal(client.delivery(), 'nacked')
  return client
}

for (const protocol of protocols) {
  describe(`what was refused over ${protocol}`, () => {
    test('is sent once more when asked for, is pending meanwhile, and counts when it is accepted', () => {
      const client = refusing(protocol, ['a'])
      const { session } = client
      session.retry()
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(session.delivery().nacks, [])
      assert.deepEqual(client.advance(), ['listener +a@1'])
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(client.ack('listener'), [])
      assert.equal(client.delivery(), 'acked')
      assert.equal(session.nextRetry(), undefined)
      assert.deepEqual(session.types().listener, { state: 'acked', revision: 1 })
    })

    test('is refused again: once per attempt, no loop', () => {
      const client = refusing(protocol, ['a'])
      client.session.retry()
      assert.deepEqual(client.advance(), ['listener +a@1'])
      assert.deepEqual(client.nack('listener', 'still in use'), [])
      const { state, nacks } = client.session.delivery()
      assert.deepEqual(
        [state, nacks],
        ['nacked', [{ type: 'listener', resource: 'a', error: 'still in use' }]],
      )
      assert.deepEqual(client.publish(listeners(2, 'a')), [])
    })

    test('is sent one by one, and pending until the last is answered', () => {
      const client = refusing(protocol, ['a', 'b', 'c'])
      client.session.retry()
      assert.deepEqual(client.advance(), ['listener +a@1'])
      assert.deepEqual(client.ack('listener'), ['listener +b@1'])
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(client.nack('listener'), ['listener +c@1'])
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(client.ack('listener'), [])
      const { state, nacks } = client.session.delivery()
      assert.deepEqual([state, nacks.map(({ resource }) => resource)], ['nacked', ['b']])
    })

    test('lets what is new go first, so that a refusal cannot hold it up', () => {
      const client = refusing(protocol, ['a'])
      client.session.retry()
      assert.deepEqual(client.publish(listeners(2, 'a', 'n')), ['listener +n@1'])
      assert.deepEqual(client.ack('listener'), ['listener +a@1'])
    })

    test('is not tried again once it has changed or is gone', () => {
      const client = refusing(protocol, ['a', 'b'])
      client.session.retry()
      const next = plainSnapshot(2, { listener: { a: '2' } })
      // Over the state of the world, what the client never had is left out without a word.
      assert.deepEqual(client.publish(next), [protocol === 'delta' ? 'listener +a@2 -b' : 'listener +a@2'])
      assert.deepEqual(client.ack('listener'), [])
      assert.equal(client.delivery(), 'acked')
    })

    test('is refused no longer when it is accepted, though it was changed and changed back meanwhile', () => {
      const client = refusing(protocol, ['a'])
      client.session.retry()
      assert.deepEqual(client.advance(), ['listener +a@1'])
      assert.deepEqual(client.publish(plainSnapshot(2, { listener: { a: '2' } })), [])
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(client.publish(listeners(3, 'a')), [])
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(client.ack('listener'), [])
      assert.equal(client.delivery(), 'acked')
      assert.deepEqual(client.session.types().listener, { state: 'acked', revision: 3 })
    })

    test('is sent when it is wanted again, though it was given up while it waited for its turn', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, { route: { r: '1', s: '1' } }))
      client.ask('route', { subscribe: ['r', 's'] })
      for (let n = 0; n < 3; n++) client.nack('route')
      assert.equal(client.delivery(), 'nacked')
      client.session.retry()
      assert.deepEqual(client.advance(), ['route +r@1'])
      assert.deepEqual(client.ask('route', { unsubscribe: ['s'] }), [])
      assert.deepEqual(client.ask('route', { subscribe: ['s'] }), [])
      assert.deepEqual(client.ack('route'), ['route +s@1'])
    })

    test('is tried again by itself, at longer and longer intervals, one at a time', () => {
      let now = 0
      const client = refusing(protocol, ['a', 'b'], () => now)
      const { session } = client
      assert.equal(session.nextRetry(), 5_000)
      now = 4_999
      session.retryDue(now)
      assert.deepEqual(client.advance(), [])
      now = 5_000
      session.retryDue(now)
      session.retryDue(now)
      assert.equal(session.nextRetry(), undefined, 'while one is under way')
      assert.deepEqual(client.advance(), ['listener +a@1'])
      assert.equal(session.nextRetry(), undefined)
      assert.deepEqual(client.nack('listener'), [], 'the other has its own turn')
      assert.equal(session.nextRetry(), 5_000)
      session.retryDue(now)
      assert.deepEqual(client.advance(), ['listener +b@1'])
      client.ack('listener')
      assert.equal(session.nextRetry(), 15_000)
      const waits: number[] = []
      for (let n = 0; n < 8; n++) {
        waits.push(session.nextRetry()! - now)
        now = session.nextRetry()!
        session.retryDue(now)
        assert.deepEqual(client.advance(), ['listener +a@1'])
        client.nack('listener')
      }
      assert.deepEqual(
        waits.map((ms) => ms / 1000),
        [10, 20, 40, 80, 160, 300, 300, 300],
      )
    })

    test('keeps its interval when the Envoy comes back, also when it died of the attempt', () => {
      let now = 0
      const memories = new Memories({ ...stillClock, now: () => now })
      const id = { gateway: 'edge', id: 'n', version: '1' }
      const first = memories.open(id)
      const client = new PlainClient(protocol, listeners(1, 'a'), { memory: first.memory })
      client.ask('listener')
      client.nack('listener')
      now = 5_000
      client.session.retryDue(now)
      assert.deepEqual(client.advance(), ['listener +a@1'])
      client.session.close()
      first.leave()
      const again = new PlainClient(protocol, listeners(1, 'a'), { memory: memories.open(id).memory })
      assert.deepEqual(again.ask('listener'), ['listener'])
      assert.equal(again.session.nextRetry(), 15_000)
    })
  })
}

test('the interval doubles from five seconds to five minutes, and chance spreads it by a fifth', () => {
  assert.deepEqual(
    [1, 2, 3, 100].map((attempts) => retryDelay(attempts, 0.5)),
    [5_000, 10_000, 20_000, 300_000],
  )
  assert.deepEqual(
    [0, 1].map((random) => Math.round(retryDelay(1, random))),
    [4_000, 6_000],
  )
  assert.equal(bounds.retryFirstMs, 5_000)
})
