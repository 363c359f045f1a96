import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bounds } from '../../src/xds/bounds.ts'
import { protocols } from './dialects.ts'
import { PlainClient, plainSnapshot } from './plain.ts'

const type = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration'
const names = (count: number, prefix = 'n') => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

/** A request that asks for `list`, in either variant: each reads its own field. */
const asking = (list: string[], url = type) => ({
  type_url: url,
  resource_names: list,
  resource_names_subscribe: list,
})

for (const protocol of protocols) {
  const blank = () => new PlainClient(protocol, plainSnapshot(1, {}))
  const codeOf = (request: object) => {
    const answer = blank().dialect.send(request)
    return answer.kind === 'violation' && answer.code
  }

  describe(`bounds over ${protocol}`, () => {
    const cases = [
      { what: 'no type', request: { type_url: '' }, code: 'INVALID_ARGUMENT' },
      {
        what: 'a type with control characters',
        request: { type_url: 'x.\u001b[2J' },
        code: 'INVALID_ARGUMENT',
      },
      { what: 'an empty name', request: asking(['']), code: 'INVALID_ARGUMENT' },
      {
        what: 'a long name',
        request: asking(['x'.repeat(bounds.nameLength + 1)]),
        code: 'INVALID_ARGUMENT',
      },
      {
        what: 'a long version',
        request: {
          type_url: type,
          initial_resource_versions: { x: '1'.repeat(bounds.versionLength + 1) },
          version_info: '1'.repeat(bounds.versionLength + 1),
        },
        code: 'INVALID_ARGUMENT',
      },
      {
        what: 'too many names in a request',
        request: asking(names(bounds.namesPerRequest + 1)),
        code: 'RESOURCE_EXHAUSTED',
      },
    ]
    for (const { what, request, code } of cases) {
      test(`${what} ends the stream`, () => assert.equal(codeOf(request), code))
    }

    test('too many types end the stream', () => {
      const { dialect } = blank()
      for (const name of names(bounds.typesPerStream)) dialect.send({ type_url: name })
      const answer = dialect.send({ type_url: 'one more' })
      assert.equal(answer.kind === 'violation' && answer.code, 'RESOURCE_EXHAUSTED')
    })

    test('names of all types together are bounded in bytes, before they are held', () => {
      const client = blank()
      const long = names(5_000, 'x'.repeat(bounds.nameLength - 5))
      let requests = 0
      for (; ; requests++) {
        const answer = client.dialect.send(asking(long, `t${requests}`))
        if (answer.kind === 'none') continue
        assert.equal(answer.kind === 'violation' && answer.code, 'RESOURCE_EXHAUSTED')
        break
      }
      assert.ok(requests > 1 && client.session.bytes <= bounds.bytesPerStream)
    })

    test('a large gateway fits, and takes nothing of its own once the Envoy has settled', () => {
      const list = names(10_000, 'n'.repeat(55))
      const versions = Object.fromEntries(list.map((name) => [name, '0123456789abcdef']))
      const all = { cluster: versions, endpoints: versions, listener: versions, route: versions }
      const client = new PlainClient(protocol, plainSnapshot(1, all))
      for (const type of ['cluster', 'listener'] as const) client.request(type, { held: versions })
      for (const type of ['endpoints', 'route'] as const)
        client.request(type, { subscribe: list, held: versions })
      assert.deepEqual(Object.keys(client.session.types()).length, 4)
      assert.deepEqual(client.advance(), [])
      assert.equal(client.delivery(), 'acked')
      assert.equal(client.session.bytes, 0)
    })

    test('names that never were leave nothing behind', () => {
      const client = blank()
      const before = client.shared.memory.bytes
      client.ask('endpoints', { subscribe: names(1_000) })
      client.request('endpoints', { unsubscribe: names(500) })
      client.session.close()
      assert.equal(client.shared.memory.bytes, before)
      const refusing = new PlainClient(protocol, plainSnapshot(1, { endpoints: { bad: '1' } }))
      assert.equal(refusing.ask('endpoints', { subscribe: ['bad', ...names(1_000)] }).length, 1)
      refusing.nack('endpoints')
      assert.deepEqual(refusing.shared.memory.doubts(type), [])
    })

    test('what is kept of a NACK is bounded', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, { route: { r: 'bad' } }))
      client.ask('route', { subscribe: ['r'] })
      const answer = client.answer('route', {}, 'x'.repeat(100_000))
      assert.equal(answer.kind === 'nack' && answer.error.length, bounds.nackLength)
    })
  })
}

test('too many names in a subscription end a delta stream', () => {
  const { dialect } = new PlainClient('delta', plainSnapshot(1, {}))
  const half = bounds.namesPerSubscription / 2
  dialect.send(asking(names(half)))
  assert.equal(dialect.send(asking(names(half))).kind, 'none', 'names that are known already take no room')
  dialect.send(asking(names(half, 'm')))
  const answer = dialect.send(asking(['one more']))
  assert.equal(answer.kind === 'violation' && answer.code, 'RESOURCE_EXHAUSTED')
})

test('versions that a delta client brings count, too', () => {
  const { dialect } = new PlainClient('delta', plainSnapshot(1, {}))
  const long = names(20_000, 'x'.repeat(bounds.nameLength - 5))
  const versions = Object.fromEntries(long.map((name) => [name, 'v'.repeat(bounds.versionLength)]))
  const answer = dialect.send({ type_url: type, initial_resource_versions: versions })
  assert.equal(answer.kind === 'violation' && answer.code, 'RESOURCE_EXHAUSTED')
})
