import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { StreamMemory } from '../../src/xds/memory.ts'
import { protocols } from './dialects.ts'
import { PlainClient, plainSnapshot, type ShortType, stillClock, type VersionsByType } from './plain.ts'

const types = ['cluster', 'endpoints', 'listener', 'route'] as const
const names = ['a', 'b', 'c']

/** As every snapshot has its names. */
function inOrder(versions: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(versions).sort())
}

const someNames = fc.subarray(names)
const versions = fc
  .tuple(...types.map(() => fc.dictionary(fc.constantFrom(...names), fc.constantFrom('1', '2')).map(inOrder)))
  .map((each) => Object.fromEntries(types.map((type, at) => [type, each[at]!])) as VersionsByType)

type Step =
  | { do: 'publish'; versions: VersionsByType }
  | { do: 'ask'; type: ShortType; subscribe: string[]; unsubscribe: string[]; holds: boolean }
  | { do: 'ack' | 'nack'; type: ShortType }

const type = fc.constantFrom(...types)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('publish' as const), versions }),
  fc.record({
    do: fc.constant('ask' as const),
    type,
    // Most name all that there is, as an Envoy that starts does.
    subscribe: fc.oneof({ weight: 3, arbitrary: fc.constant(names) }, { weight: 1, arbitrary: someNames }),
    unsubscribe: fc.oneof(
      { weight: 3, arbitrary: fc.constant<string[]>([]) },
      { weight: 1, arbitrary: someNames },
    ),
    holds: fc.boolean(),
  }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ack' as const), type }) },
  fc.record({ do: fc.constant('nack' as const), type }),
)

/** Says what a client was told by each step, whatever the order of names in a response. */
function play(client: PlainClient, first: VersionsByType, steps: readonly Step[]): unknown[] {
  let newest = first
  let revision = 1
  const told = (words: string[]) => words.map((each) => each.split(' ').sort().join(' '))
  return steps.map((step) => {
    const words = () => {
      if (step.do === 'publish') {
        newest = step.versions
        return client.publish(plainSnapshot(++revision, step.versions))
      }
      if (step.do === 'ask') {
        const { type, subscribe, unsubscribe, holds } = step
        const isFirst = client.session.types()[type] === undefined
        const wildcard = isFirst && (type === 'cluster' || type === 'listener')
        const lists = wildcard ? {} : { subscribe, unsubscribe }
        return client.ask(type, { ...lists, held: holds && isFirst ? (newest[type] ?? {}) : {} })
      }
      // Nothing of the type may have come yet.
      if (client.session.subscription(typeUrls[step.type])?.outstanding === undefined) return []
      if (step.do === 'ack') return client.ack(step.type)
      const [blamed] = client
        .last(step.type)
        .upserts.map(({ name }) => name)
        .sort()
      return client.nack(step.type, blamed)
    }
    const sent = told(words())
    return { step: step.do, sent, state: client.delivery(), types: client.session.types() }
  })
}

for (const protocol of protocols) {
  describe(`the first answer over ${protocol}`, () => {
    /** Something else that it refused, and every name is looked at by itself. */
    function wary() {
      const memory = new StreamMemory(stillClock)
      memory.reject('another type', 'x', { version: '1', error: 'bad' })
      return memory
    }

    test('a client of which nothing is noted by name is told what one is told of which everything is', () => {
      fc.assert(
        fc.property(versions, fc.array(step, { maxLength: 30, size: 'max' }), (first, steps) => {
          const quick = new PlainClient(protocol, plainSnapshot(1, first))
          const slow = new PlainClient(protocol, plainSnapshot(1, first), { memory: wary() })
          assert.deepEqual(play(quick, first, steps), play(slow, first, steps))
        }),
        { numRuns: process.env.WEIR_LONG === '1' ? 20_000 : 1_000 },
      )
    })

    test('what changes while it is on its way follows it', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, { endpoints: { a: '1', b: '1' } }))
      assert.deepEqual(client.ask('endpoints', { subscribe: ['a', 'b'] }), ['endpoints +a@1 +b@1'])
      assert.deepEqual(client.publish(plainSnapshot(2, { endpoints: { a: '1', b: '2' } })), [])
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(client.ack('endpoints'), ['endpoints +b@2'])
      assert.deepEqual(client.ack('endpoints'), [])
      assert.equal(client.delivery(), 'acked')
    })

    test('takes nothing of its own, however many names there are', () => {
      const list = Array.from({ length: 1_000 }, (_, index) => `n${index}`)
      const all = Object.fromEntries(list.map((name) => [name, '1']))
      const client = new PlainClient(protocol, plainSnapshot(1, { endpoints: all }))
      client.ask('endpoints', { subscribe: list })
      assert.equal(client.session.bytes, 0)
      client.ack('endpoints')
      client.publish(plainSnapshot(2, { endpoints: { ...all, n7: '2' } }))
      client.ack('endpoints')
      assert.equal(client.session.bytes, 0)
      assert.equal(client.delivery(), 'acked')
    })

    test('takes nothing of its own, though the clusters that wait for endpoints came first', () => {
      const list = Array.from({ length: 1_000 }, (_, index) => `n${index}`)
      const all = Object.fromEntries(list.map((name) => [name, '1']))
      const client = new PlainClient(protocol, plainSnapshot(1, { cluster: all, endpoints: all }))
      client.ask('cluster', {})
      assert.equal(client.ask('endpoints', { subscribe: list }).length, 1)
      assert.equal(client.session.bytes, 0)
      assert.ok(client.shared.memory.blank)
      client.ack('cluster')
      client.ack('endpoints')
      assert.equal(client.delivery(), 'acked')
    })
  })
}
