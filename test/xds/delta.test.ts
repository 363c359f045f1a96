import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bounds } from '../../src/xds/bounds.ts'
import { PlainClient, plainSnapshot, type Versions } from './plain.ts'

const full: Versions = {
  cluster: { a: '1' },
  endpoints: { a: '1' },
  listener: { l: '1' },
  route: { r: '1' },
}

/** A client that has all of `full`, in the order in which an Envoy starts. */
function started(versions = full): PlainClient {
  const client = new PlainClient(plainSnapshot(1, versions))
  client.ask('cluster')
  client.ask('endpoints', { subscribe: Object.keys(versions.endpoints ?? {}) })
  client.ack('cluster')
  client.ack('endpoints')
  client.ask('listener')
  client.ask('route', { subscribe: Object.keys(versions.route ?? {}) })
  client.ack('listener')
  client.ack('route')
  return client
}

describe('subscriptions', () => {
  test('an Envoy that starts gets everything, each once', () => {
    const client = new PlainClient(plainSnapshot(1, full))
    assert.deepEqual(client.ask('cluster'), ['cluster +a@1'])
    assert.deepEqual(client.ack('cluster'), [])
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), ['endpoints +a@1'])
    assert.deepEqual(client.ask('listener'), ['listener +l@1'])
    assert.deepEqual(client.ask('route', { subscribe: ['r'] }), ['route +r@1'])
    for (const type of ['endpoints', 'listener', 'route'] as const) assert.deepEqual(client.ack(type), [])
    assert.equal(client.delivery(), 'acked')
  })

  test('a wildcard is answered even when there is nothing', () => {
    const client = new PlainClient(plainSnapshot(1, {}))
    assert.deepEqual(client.ask('cluster'), ['cluster'])
    assert.equal(client.delivery(), 'pending')
    assert.deepEqual(client.ack('cluster'), [])
    assert.deepEqual(client.ask('listener', { subscribe: ['*'] }), ['listener'])
    assert.deepEqual(client.ack('listener'), [])
    assert.equal(client.delivery(), 'acked')
  })

  test('a name that does not exist is said to be absent, once, and sent when it comes', () => {
    const client = new PlainClient(plainSnapshot(1, { endpoints: { a: '1' } }))
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a', 'z'] }), ['endpoints +a@1 -z'])
    assert.deepEqual(client.ack('endpoints'), [])
    assert.deepEqual(client.publish(plainSnapshot(2, { endpoints: { a: '1' } })), [])
    assert.deepEqual(client.publish(plainSnapshot(3, { endpoints: { a: '1', z: '1' } })), ['endpoints +z@1'])
  })

  test('only names that were asked for are sent', () => {
    const client = new PlainClient(plainSnapshot(1, { endpoints: { a: '1', b: '1' } }))
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), ['endpoints +a@1'])
    client.ack('endpoints')
    assert.deepEqual(client.publish(plainSnapshot(2, { endpoints: { a: '1', b: '2' } })), [])
    assert.equal(client.delivery(), 'pending', 'it has not asked for b')
    assert.deepEqual(client.ask('endpoints', { subscribe: ['b'] }), ['endpoints +b@2'])
    client.ack('endpoints')
    assert.equal(client.delivery(), 'acked')
    assert.deepEqual(client.ask('endpoints', { unsubscribe: ['b'] }), [])
    assert.deepEqual(client.publish(plainSnapshot(3, { endpoints: { a: '1', b: '3' } })), [])
  })

  test('a name that is asked for again is sent again', () => {
    const client = started()
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), ['endpoints +a@1'])
  })

  test('a name that is asked for again while it is on its way is sent again', () => {
    const client = new PlainClient(plainSnapshot(1, full))
    client.ask('endpoints', { subscribe: ['a'] })
    assert.deepEqual(client.ask('endpoints', { unsubscribe: ['a'] }), [])
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), [])
    assert.deepEqual(client.ack('endpoints'), ['endpoints +a@1'])
    assert.deepEqual(client.ack('endpoints'), [])
  })

  test('the wildcard can be given up and taken again', () => {
    const client = new PlainClient(plainSnapshot(1, { cluster: { a: '1', b: '1' } }))
    client.ask('cluster', { subscribe: ['*', 'a'] })
    client.ack('cluster')
    assert.deepEqual(client.ask('cluster', { unsubscribe: ['*'] }), [])
    const next = plainSnapshot(2, { cluster: { a: '2', b: '2' } })
    assert.deepEqual(client.publish(next), ['cluster +a@2'])
    client.ack('cluster')
    assert.deepEqual(client.ask('cluster', { subscribe: ['*'] }), ['cluster +b@2'])
  })

  test('a wildcard that came without names stays when a name is added', () => {
    const client = new PlainClient(plainSnapshot(1, { cluster: { a: '1', b: '1' } }))
    client.ask('cluster')
    client.ack('cluster')
    assert.deepEqual(client.ask('cluster', { subscribe: ['a'] }), ['cluster +a@1'])
    client.ack('cluster')
    assert.deepEqual(client.publish(plainSnapshot(2, { cluster: { a: '1', b: '2' } })), ['cluster +b@2'])
  })

  test('under the wildcard, a name that is given up is answered', () => {
    const client = new PlainClient(plainSnapshot(1, { cluster: { a: '1' } }))
    client.ask('cluster', { subscribe: ['*', 'a', 'z'] })
    client.ack('cluster')
    assert.deepEqual(client.ask('cluster', { unsubscribe: ['a', 'z'] }), ['cluster +a@1 -z'])
  })

  test('the wildcard in both lists means nothing at all', () => {
    const client = new PlainClient(plainSnapshot(1, full))
    assert.deepEqual(client.ask('endpoints', { subscribe: ['*'], unsubscribe: ['*'] }), [])
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), ['endpoints +a@1'])
  })

  test('a type that is not served gets no answer, but a name of it is said to be absent', () => {
    const client = new PlainClient(plainSnapshot(1, {}))
    assert.deepEqual(client.ask('type.googleapis.com/a.B'), [])
    assert.equal(client.delivery(), 'acked')
    const secret = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'
    assert.deepEqual(client.ask(secret, { subscribe: ['s'] }), [`${secret} -s`])
  })
})

describe('answers', () => {
  test('a slow client gets the newest state, not every state', () => {
    const client = started()
    assert.deepEqual(client.publish(plainSnapshot(2, { ...full, endpoints: { a: '2' } })), ['endpoints +a@2'])
    assert.deepEqual(client.publish(plainSnapshot(3, { ...full, endpoints: { a: '3' } })), [])
    assert.deepEqual(client.publish(plainSnapshot(4, { ...full, endpoints: { a: '4' } })), [])
    assert.deepEqual(client.ack('endpoints'), ['endpoints +a@4'])
    assert.deepEqual(client.ack('endpoints'), [])
  })

  test('a change that was taken back while it was on its way is taken back for the client', () => {
    const client = started()
    client.publish(plainSnapshot(2, { ...full, endpoints: { a: '2' } }))
    client.publish(plainSnapshot(3, full))
    assert.deepEqual(client.ack('endpoints'), ['endpoints +a@1'])
  })

  test('an answer with a stale nonce is void, but its subscriptions count', () => {
    const client = new PlainClient(plainSnapshot(1, { endpoints: { a: '1', b: '1' } }))
    client.ask('endpoints', { subscribe: ['a'] })
    const stale = client.nonce('endpoints')
    client.ack('endpoints')
    client.publish(plainSnapshot(2, { endpoints: { a: '2', b: '1' } }))
    const answer = client.stream.onRequest({
      type_url: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
      response_nonce: stale,
      error_detail: { code: 13, message: 'late' },
      resource_names_subscribe: ['b'],
    })
    assert.equal(answer.kind, 'none')
    assert.deepEqual(client.advance(), [], 'the newest response is still on its way')
    assert.deepEqual(client.ack('endpoints'), ['endpoints +b@1'])
  })

  test('a revision without changes sends nothing and is in force', () => {
    const client = started()
    assert.deepEqual(client.publish(plainSnapshot(7, full)), [])
    assert.deepEqual(client.stream.session.types().route, { state: 'acked', revision: 7 })
  })

  test('the revision in force is that of the last response while a newer one is on its way', () => {
    const client = started()
    client.publish(plainSnapshot(2, { ...full, route: { r: '2' } }))
    assert.deepEqual(client.stream.session.types().route, { state: 'pending', revision: 1 })
    assert.deepEqual(client.stream.session.types().cluster, { state: 'acked', revision: 2 })
  })
})

describe('reconnects', () => {
  const held = { a: '1' }

  test('equal versions are not sent again', () => {
    const client = new PlainClient(plainSnapshot(5, full))
    assert.deepEqual(client.ask('cluster', { held }), [])
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'], held }), [])
    assert.deepEqual(client.ask('listener', { held: { l: '1' } }), [])
    assert.deepEqual(client.ask('route', { subscribe: ['r'], held: { r: '1' } }), [])
    assert.equal(client.delivery(), 'acked')
  })

  test('names that went meanwhile are removed, of wildcard types too', () => {
    const client = new PlainClient(plainSnapshot(5, { cluster: { a: '1' }, endpoints: { a: '1' } }))
    assert.deepEqual(client.ask('cluster', { held: { a: '1', gone: '1' } }), ['cluster -gone'])
    const answer = client.ask('endpoints', { subscribe: ['a', 'gone'], held: { a: '1', gone: '1' } })
    assert.deepEqual(answer, ['endpoints -gone'])
  })

  test('clusters are not removed before the listeners and routes that may use them were asked for', () => {
    const client = new PlainClient(plainSnapshot(5, { ...full, route: { r: '2' } }))
    assert.deepEqual(client.ask('cluster', { held: { a: '1', old: '1' } }), [])
    const endpoints = client.ask('endpoints', { subscribe: ['a', 'old'], held: { a: '1' } })
    assert.deepEqual(endpoints, ['endpoints -old'])
    client.request('listener', { held: { l: '1' } })
    assert.deepEqual(client.ask('route', { subscribe: ['r'], held: { r: '1' } }), ['route +r@2'])
    assert.deepEqual(client.ack('route'), ['cluster -old'])
  })

  test('an Envoy whose cluster warms (it does not ask for clusters) gets endpoints anew, then the rest', () => {
    const client = new PlainClient(plainSnapshot(5, { ...full, route: { r: '2' } }))
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'], held }), ['endpoints +a@1'])
    assert.deepEqual(client.ask('listener', { held: { l: '1' } }), [])
    assert.deepEqual(client.ask('route', { subscribe: ['r'], held: { r: '1' } }), [])
    assert.deepEqual(client.ack('endpoints'), [])
    assert.deepEqual(client.ask('cluster', { held }), ['route +r@2'])
  })

  test('a response that was never answered is not sent again when the Envoy claims to have it', () => {
    const client = started()
    const next = plainSnapshot(2, { ...full, route: { r: '2' } })
    client.publish(next)
    client.stream.session.close()
    const again = new PlainClient(next, client.memory)
    assert.deepEqual(again.ask('route', { subscribe: ['r'], held: { r: '2' } }), [])
  })

  test('what came in a refused response may be in force, though the Envoy does not claim it', () => {
    const client = started()
    client.publish(plainSnapshot(2, { ...full, route: { r: '2', bad: '1' } }))
    client.request('route', { subscribe: ['bad'] })
    client.ack('route')
    client.ack('route')
    client.publish(plainSnapshot(3, { ...full, route: { r: '3', bad: '2' } }))
    assert.deepEqual(client.nack('route'), ['route +r@3'])
    client.stream.session.close()
    const again = new PlainClient(plainSnapshot(4, { ...full, route: { r: '2' } }), client.memory)
    assert.deepEqual(again.ask('route', { subscribe: ['r'], held: { r: '2' } }), ['route +r@2'])
  })

  test('a claimed route whose newest version was refused among others is left alone', () => {
    const names = ['r', 's']
    const client = started({ ...full, route: { r: '1', s: '1' } })
    client.publish(plainSnapshot(2, { ...full, route: { r: 'bad', s: '2' } }))
    assert.deepEqual(client.nack('route'), ['route +r@bad'])
    assert.deepEqual(client.nack('route'), ['route +s@2'])
    client.ack('route')
    client.stream.session.close()
    const again = new PlainClient(client.stream.session.snapshot, client.memory)
    const held = { r: '1', s: '2' }
    assert.deepEqual(again.ask('route', { subscribe: names, held }), [])
    assert.equal(again.stream.session.types().route?.state, 'nacked')
  })

  test('endpoints that did not arrive after their cluster are sent again, whatever is claimed', () => {
    const client = started()
    const next = plainSnapshot(2, { ...full, cluster: { a: '2' } })
    assert.deepEqual(client.publish(next), ['cluster +a@2', 'endpoints +a@1'])
    client.stream.session.close()
    const again = new PlainClient(next, client.memory)
    assert.deepEqual(again.ask('cluster', { held: { a: '2' } }), [])
    assert.deepEqual(again.ask('endpoints', { subscribe: ['a'], held: { a: '1' } }), ['endpoints +a@1'])
  })

  test('endpoints, listeners and routes are served without clusters', () => {
    const { cluster: _, ...without } = full
    const client = new PlainClient(plainSnapshot(1, without))
    assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), ['endpoints +a@1'])
    assert.deepEqual(client.ask('listener'), ['listener +l@1'])
    assert.deepEqual(client.ask('route', { subscribe: ['r'] }), ['route +r@1'])
  })
})

describe('make before break', () => {
  const moved: Versions = {
    cluster: { b: '1' },
    endpoints: { b: '1' },
    listener: { l: '1' },
    route: { r: '2' },
  }

  test('a route moves to a new cluster: cluster, endpoints, route, then the old ones go', () => {
    const client = started()
    assert.deepEqual(client.publish(plainSnapshot(2, moved)), ['cluster +b@1'])
    assert.deepEqual(client.ask('endpoints', { subscribe: ['b'] }), ['endpoints +b@1'])
    assert.deepEqual(client.ack('endpoints'), [], 'the cluster may still warm')
    assert.deepEqual(client.ack('cluster'), ['route +r@2'])
    assert.deepEqual(client.ack('route'), ['cluster -a', 'endpoints -a'])
    client.ack('cluster')
    client.ack('endpoints', { unsubscribe: ['a'] })
    assert.equal(client.delivery(), 'acked')
  })

  test('the endpoints of a cluster that is sent again follow it, without its ACK', () => {
    const client = started()
    const next = plainSnapshot(2, { ...full, cluster: { a: '2' } })
    assert.deepEqual(client.publish(next), ['cluster +a@2', 'endpoints +a@1'])
    client.ack('endpoints')
    assert.deepEqual(client.ack('cluster'), [])
  })

  test('endpoints that were on their way when the cluster was sent follow it once more', () => {
    const client = started()
    assert.deepEqual(client.publish(plainSnapshot(2, { ...full, endpoints: { a: '2' } })), ['endpoints +a@2'])
    const next = plainSnapshot(3, { ...full, cluster: { a: '2' }, endpoints: { a: '2' } })
    assert.deepEqual(client.publish(next), ['cluster +a@2'])
    assert.deepEqual(client.ack('endpoints'), ['endpoints +a@2'])
  })

  test('endpoints that do not exist end the warming of their cluster at once', () => {
    const client = started()
    const { endpoints: _, ...without } = full
    const next = plainSnapshot(2, { ...without, cluster: { a: '2' } })
    assert.deepEqual(client.publish(next), ['cluster +a@2', 'endpoints -a'])
  })

  test('a listener goes before its routes; a route configuration that it waits for comes at once', () => {
    const client = started()
    const next = plainSnapshot(2, { ...full, listener: { l: '2' }, route: { r: '2', n: '1' } })
    assert.deepEqual(client.publish(next), ['listener +l@2'])
    assert.deepEqual(client.ask('route', { subscribe: ['n'] }), ['route +n@1'])
    assert.deepEqual(client.ack('listener'), [])
    assert.deepEqual(client.ack('route'), ['route +r@2'])
  })

  test('a listener that is renamed goes and comes in one response: the new one takes its port', () => {
    const client = started()
    const next = plainSnapshot(2, { ...full, listener: { m: '1' } })
    assert.deepEqual(client.publish(next), ['listener +m@1 -l'])
  })

  test('a rejected route keeps the cluster that its old version may use', () => {
    const client = started()
    client.publish(plainSnapshot(2, moved))
    client.ack('cluster')
    assert.deepEqual(client.nack('route'), [])
    assert.equal(client.stream.session.types().cluster?.state, 'pending')
    assert.deepEqual(client.publish(plainSnapshot(3, { ...moved, route: { r: '3' } })), ['route +r@3'])
    assert.deepEqual(client.ack('route'), ['cluster -a', 'endpoints -a'])
  })

  test('a gateway that is emptied loses listeners first and clusters last', () => {
    const client = started()
    assert.deepEqual(client.publish(plainSnapshot(2, {})), ['listener -l'])
    assert.deepEqual(client.ack('listener'), ['route -r'])
    assert.deepEqual(client.ack('route'), ['cluster -a', 'endpoints -a'])
  })
})

describe('NACKs', () => {
  const many: Versions = { route: { a: '1', b: '1', c: '1', d: '1' } }
  const names = Object.keys(many.route!)

  test('a rejected version is parked: it is not sent again, a newer one is', () => {
    const client = started()
    assert.deepEqual(client.publish(plainSnapshot(2, { ...full, route: { r: 'bad' } })), ['route +r@bad'])
    assert.deepEqual(client.nack('route', 'missing )'), [])
    assert.deepEqual(client.publish(plainSnapshot(3, { ...full, route: { r: 'bad' } })), [])
    const { state, nacks } = client.stream.session.delivery()
    assert.deepEqual([state, nacks], ['nacked', [{ type: 'route', resource: 'r', error: 'missing )' }]])
    assert.deepEqual(client.publish(plainSnapshot(4, { ...full, route: { r: '2' } })), ['route +r@2'])
    client.ack('route')
    assert.equal(client.delivery(), 'acked')
  })

  test('of several resources, the culprit is parked and the others arrive', () => {
    const client = new PlainClient(plainSnapshot(1, many))
    assert.deepEqual(client.ask('route', { subscribe: names }), ['route +a@1 +b@1 +c@1 +d@1'])
    assert.deepEqual(client.nack('route'), ['route +a@1 +b@1'])
    assert.equal(client.delivery(), 'pending')
    assert.deepEqual(client.ack('route'), ['route +c@1 +d@1'])
    assert.deepEqual(client.nack('route'), ['route +c@1'])
    assert.deepEqual(client.nack('route', 'c is bad'), ['route +d@1'])
    assert.deepEqual(client.ack('route'), [])
    const { state, nacks } = client.stream.session.delivery()
    assert.deepEqual([state, nacks], ['nacked', [{ type: 'route', resource: 'c', error: 'c is bad' }]])
  })

  test('what changes during the search waits for its end, and a fixed culprit is sent as it is now', () => {
    const client = new PlainClient(plainSnapshot(1, many))
    client.ask('route', { subscribe: [...names, 'e'] })
    client.nack('route')
    const next = plainSnapshot(2, { route: { ...many.route, d: '2', e: '1' } })
    assert.deepEqual(client.publish(next), [])
    assert.deepEqual(client.ack('route'), ['route +c@1 +d@2'])
    assert.deepEqual(client.ack('route'), ['route +e@1'])
    assert.deepEqual(client.ack('route'), [])
    assert.equal(client.delivery(), 'acked')
  })

  test('a rejection outlives the stream', () => {
    const first = started()
    first.publish(plainSnapshot(2, { ...full, cluster: { a: '1', b: 'bad' } }))
    first.nack('cluster')
    const again = plainSnapshot(2, { ...full, cluster: { a: '1', b: 'bad' } })
    const client = new PlainClient(again, first.memory)
    assert.deepEqual(client.ask('cluster', { held: { a: '1' } }), [])
    assert.deepEqual(client.publish(plainSnapshot(3, { ...full, cluster: { a: '1', b: '2' } })), [
      'cluster +b@2',
    ])
  })

  test('a name that is asked for anew, and whose version was rejected, is said to be absent', () => {
    const first = new PlainClient(plainSnapshot(1, { route: { r: 'bad' } }))
    first.ask('route', { subscribe: ['r'] })
    assert.deepEqual(first.nack('route'), [])
    const client = new PlainClient(plainSnapshot(1, { route: { r: 'bad' } }), first.memory)
    assert.deepEqual(client.ask('route', { subscribe: ['r'] }), ['route -r'])
    assert.deepEqual(client.ack('route'), [])
    assert.equal(client.delivery(), 'nacked')
  })

  test('a rejected version that is taken back needs nothing: the old one is in force', () => {
    const client = started()
    client.publish(plainSnapshot(2, { ...full, route: { r: 'bad' } }))
    client.nack('route')
    assert.deepEqual(client.publish(plainSnapshot(3, full)), [])
    assert.equal(client.delivery(), 'acked')
  })

  test('a rejected listener keeps the route configuration that its old version uses', () => {
    const client = started()
    client.publish(plainSnapshot(2, { ...full, listener: { l: 'bad' }, route: { n: '1' } }))
    assert.deepEqual(client.nack('listener'), [])
    assert.deepEqual(client.publish(plainSnapshot(3, { ...full, listener: { l: '3' }, route: { n: '1' } })), [
      'listener +l@3',
    ])
    assert.deepEqual(client.ack('listener', { unsubscribe: [] }), ['route -r'])
  })

  test('removals that came with a rejected resource are said again', () => {
    const client = started()
    const next = plainSnapshot(2, { ...full, listener: { m: 'bad' } })
    assert.deepEqual(client.publish(next), ['listener +m@bad -l'])
    assert.deepEqual(client.nack('listener'), ['listener -l'])
    assert.deepEqual(client.ack('listener'), [])
    assert.equal(client.delivery(), 'nacked')
  })
})

describe('bounds', () => {
  const type = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration'
  const names = (count: number, prefix = 'n') => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
  const cases = [
    { what: 'no type', request: { type_url: '' }, code: 'INVALID_ARGUMENT' },
    {
      what: 'an empty name',
      request: { type_url: type, resource_names_subscribe: [''] },
      code: 'INVALID_ARGUMENT',
    },
    {
      what: 'a long name',
      request: { type_url: type, initial_resource_versions: { ['x'.repeat(bounds.nameLength + 1)]: '1' } },
      code: 'INVALID_ARGUMENT',
    },
    {
      what: 'a long version',
      request: { type_url: type, initial_resource_versions: { x: '1'.repeat(bounds.versionLength + 1) } },
      code: 'INVALID_ARGUMENT',
    },
    {
      what: 'too many names in a request',
      request: { type_url: type, resource_names_subscribe: names(bounds.namesPerRequest + 1) },
      code: 'RESOURCE_EXHAUSTED',
    },
  ]
  for (const { what, request, code } of cases) {
    test(`${what} ends the stream`, () => {
      const answer = new PlainClient(plainSnapshot(1, {})).stream.onRequest(request)
      assert.equal(answer.kind === 'violation' && answer.code, code)
    })
  }

  test('too many names in a subscription end the stream', () => {
    const { stream } = new PlainClient(plainSnapshot(1, {}))
    const half = bounds.namesPerSubscription / 2
    stream.onRequest({ type_url: type, resource_names_subscribe: names(half) })
    const again = stream.onRequest({ type_url: type, resource_names_subscribe: names(half) })
    assert.equal(again.kind, 'none', 'names that are known already take no room')
    stream.onRequest({ type_url: type, resource_names_subscribe: names(half, 'm') })
    const answer = stream.onRequest({ type_url: type, resource_names_subscribe: ['one more'] })
    assert.equal(answer.kind === 'violation' && answer.code, 'RESOURCE_EXHAUSTED')
  })

  test('too many types end the stream', () => {
    const { stream } = new PlainClient(plainSnapshot(1, {}))
    for (const name of names(bounds.typesPerStream)) stream.onRequest({ type_url: name })
    const answer = stream.onRequest({ type_url: 'one more' })
    assert.equal(answer.kind === 'violation' && answer.code, 'RESOURCE_EXHAUSTED')
  })

  test('names and versions of all types together are bounded in bytes, before they are held', () => {
    const { stream } = new PlainClient(plainSnapshot(1, {}))
    const long = (count: number) => names(count, 'x'.repeat(bounds.nameLength - 5))
    const perRequest = 5_000
    let requests = 0
    for (; ; requests++) {
      const answer = stream.onRequest({
        type_url: `t${requests}`,
        resource_names_subscribe: long(perRequest),
      })
      if (answer.kind === 'none') continue
      assert.equal(answer.kind === 'violation' && answer.code, 'RESOURCE_EXHAUSTED')
      break
    }
    assert.ok(requests > 1 && stream.session.bytes <= bounds.bytesPerStream)
    const versions = Object.fromEntries(long(10_000).map((name) => [name, 'v'.repeat(bounds.versionLength)]))
    const brought = stream.onRequest({ type_url: 'brought', initial_resource_versions: versions })
    assert.equal(brought.kind === 'violation' && brought.code, 'RESOURCE_EXHAUSTED')
  })

  test('a large gateway fits, and takes little once the Envoy has settled', () => {
    const list = names(10_000, 'n'.repeat(55))
    const versions = Object.fromEntries(list.map((name) => [name, '0123456789abcdef']))
    const all = { cluster: versions, endpoints: versions, listener: versions, route: versions }
    const client = new PlainClient(plainSnapshot(1, all))
    for (const type of ['cluster', 'listener'] as const) client.request(type, { held: versions })
    for (const type of ['endpoints', 'route'] as const)
      client.request(type, { subscribe: list, held: versions })
    const { session } = client.stream
    assert.deepEqual(Object.keys(session.types()).length, 4)
    assert.deepEqual(client.advance(), [])
    assert.equal(client.delivery(), 'acked')
    assert.equal(session.bytes, 2 * 10_000 * bounds.bytesPerName)
  })

  test('names that never were leave nothing behind', () => {
    const client = new PlainClient(plainSnapshot(1, {}))
    const before = client.memory.bytes
    client.ask('endpoints', { subscribe: names(1_000) })
    client.stream.session.close()
    assert.equal(client.memory.bytes, before)
    const refusing = new PlainClient(plainSnapshot(1, { endpoints: { bad: '1' } }))
    assert.equal(refusing.ask('endpoints', { subscribe: ['bad', ...names(1_000)] }).length, 1)
    refusing.nack('endpoints')
    assert.deepEqual(refusing.memory.doubts(type), [])
  })

  test('a type with control characters ends the stream', () => {
    const answer = new PlainClient(plainSnapshot(1, {})).stream.onRequest({ type_url: 'x.\u001b[2J' })
    assert.equal(answer.kind === 'violation' && answer.code, 'INVALID_ARGUMENT')
  })

  test('what is kept of a NACK is bounded', () => {
    const client = started()
    client.publish(plainSnapshot(2, { ...full, route: { r: 'bad' } }))
    const answer = client.answer('route', {}, 'x'.repeat(100_000))
    assert.equal(answer.kind === 'nack' && answer.error.length, bounds.nackLength)
  })
})
