import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { noteGrowing } from '../../src/xds/growth.ts'
import { StreamMemory } from '../../src/xds/memory.ts'
import { type Protocol, protocols, wordsOf } from './dialects.ts'
import { PlainClient, partsOf, plainSnapshot, stillClock, type VersionsByType } from './plain.ts'

const full: VersionsByType = {
  cluster: { a: '1' },
  endpoints: { a: '1' },
  listener: { l: '1' },
  route: { r: '1' },
}

/** A client that has all of `full`, in the order in which an Envoy starts. */
function started(protocol: Protocol, versions = full): PlainClient {
  const client = new PlainClient(protocol, plainSnapshot(1, versions))
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

for (const protocol of protocols) {
  const told = (...lines: string[]) => wordsOf(protocol, lines)

  describe(`subscriptions over ${protocol}`, () => {
    test('an Envoy that starts gets everything, each once', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, full))
      assert.deepEqual(client.ask('cluster'), told('cluster +a@1'))
      assert.deepEqual(client.ack('cluster'), [])
      assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), told('endpoints +a@1'))
      assert.deepEqual(client.ask('listener'), told('listener +l@1'))
      assert.deepEqual(client.ask('route', { subscribe: ['r'] }), told('route +r@1'))
      for (const type of ['endpoints', 'listener', 'route'] as const) assert.deepEqual(client.ack(type), [])
      assert.equal(client.delivery(), 'acked')
    })

    test('a wildcard is answered even when there is nothing', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, {}))
      assert.deepEqual(client.ask('cluster'), told('cluster'))
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(client.ack('cluster'), [])
      assert.deepEqual(client.ask('listener', { subscribe: ['*'] }), told('listener'))
      assert.deepEqual(client.ack('listener'), [])
      assert.equal(client.delivery(), 'acked')
    })

    test('a name that does not exist is said to be absent, once, and sent when it comes', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, { endpoints: { a: '1' } }))
      assert.deepEqual(client.ask('endpoints', { subscribe: ['a', 'z'] }), told('endpoints +a@1 !z'))
      assert.deepEqual(client.ack('endpoints'), [])
      assert.deepEqual(client.publish(plainSnapshot(2, { endpoints: { a: '1' } })), [])
      assert.deepEqual(
        client.publish(plainSnapshot(3, { endpoints: { a: '1', z: '1' } })),
        told('endpoints +z@1'),
      )
    })

    test('only names that were asked for are sent', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, { endpoints: { a: '1', b: '1' } }))
      assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), told('endpoints +a@1'))
      client.ack('endpoints')
      assert.deepEqual(client.publish(plainSnapshot(2, { endpoints: { a: '1', b: '2' } })), [])
      assert.equal(client.delivery(), 'pending', 'it has not asked for b')
      assert.deepEqual(client.ask('endpoints', { subscribe: ['b'] }), told('endpoints +b@2'))
      client.ack('endpoints')
      assert.equal(client.delivery(), 'acked')
      assert.deepEqual(client.ask('endpoints', { unsubscribe: ['b'] }), [])
      assert.deepEqual(client.publish(plainSnapshot(3, { endpoints: { a: '1', b: '3' } })), [])
    })

    test('a name that is asked for again while it is on its way is sent again', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, full))
      client.ask('endpoints', { subscribe: ['a'] })
      assert.deepEqual(client.ask('endpoints', { unsubscribe: ['a'] }), [])
      assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), [])
      assert.deepEqual(client.ack('endpoints'), told('endpoints +a@1'))
      assert.deepEqual(client.ack('endpoints'), [])
    })
  })

  describe(`answers over ${protocol}`, () => {
    test('a slow client gets the newest state, not every state', () => {
      const client = started(protocol)
      assert.deepEqual(
        client.publish(plainSnapshot(2, { ...full, endpoints: { a: '2' } })),
        told('endpoints +a@2'),
      )
      assert.deepEqual(client.publish(plainSnapshot(3, { ...full, endpoints: { a: '3' } })), [])
      assert.deepEqual(client.publish(plainSnapshot(4, { ...full, endpoints: { a: '4' } })), [])
      assert.deepEqual(client.ack('endpoints'), told('endpoints +a@4'))
      assert.deepEqual(client.ack('endpoints'), [])
    })

    test('a change that was taken back while it was on its way is taken back for the client', () => {
      const client = started(protocol)
      client.publish(plainSnapshot(2, { ...full, endpoints: { a: '2' } }))
      client.publish(plainSnapshot(3, full))
      assert.deepEqual(client.ack('endpoints'), told('endpoints +a@1'))
    })

    test('an answer with a stale nonce is void, but its subscriptions count', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, { endpoints: { a: '1', b: '1' } }))
      client.ask('endpoints', { subscribe: ['a'] })
      const stale = client.last('endpoints')
      client.ack('endpoints')
      client.publish(plainSnapshot(2, { endpoints: { a: '2', b: '1' } }))
      const late = client.dialect.answer(stale, { subscribe: ['b'], unsubscribe: [] }, 'late')
      const answer = client.dialect.send(late)
      assert.equal(answer.kind, 'none')
      assert.deepEqual(client.advance(), [], 'the newest response is still on its way')
      assert.deepEqual(client.ack('endpoints'), told('endpoints +b@1'))
    })

    test('a revision without changes sends nothing and is in force', () => {
      const client = started(protocol)
      assert.deepEqual(client.publish(plainSnapshot(7, full)), [])
      assert.deepEqual(client.session.types().route, { state: 'acked', revision: 7 })
    })

    test('the revision in force is that of the last response while a newer one is on its way', () => {
      const client = started(protocol)
      client.publish(plainSnapshot(2, { ...full, route: { r: '2' } }))
      assert.deepEqual(client.session.types().route, { state: 'pending', revision: 1 })
      assert.deepEqual(client.session.types().cluster, { state: 'acked', revision: 2 })
    })
  })

  describe(`reconnects over ${protocol}`, () => {
    const held = { a: '1' }

    test('equal versions are not sent again', () => {
      const client = new PlainClient(protocol, plainSnapshot(5, full))
      assert.deepEqual(client.ask('cluster', { held }), [])
      assert.deepEqual(client.ask('endpoints', { subscribe: ['a'], held }), [])
      assert.deepEqual(client.ask('listener', { held: { l: '1' } }), [])
      assert.deepEqual(client.ask('route', { subscribe: ['r'], held: { r: '1' } }), [])
      assert.equal(client.delivery(), 'acked')
    })

    test('names that went meanwhile are removed, of wildcard types too', () => {
      const client = new PlainClient(
        protocol,
        plainSnapshot(5, { cluster: { a: '1' }, endpoints: { a: '1' } }),
      )
      assert.deepEqual(client.ask('cluster', { held: { a: '1', gone: '1' } }), [])
      const answer = client.ask('endpoints', { subscribe: ['a', 'gone'], held: { a: '1', gone: '1' } })
      assert.deepEqual(answer, [], 'listeners and routes may use them')
      assert.deepEqual(client.ask('listener'), told('cluster -gone', 'endpoints -gone'))
    })

    test('nothing that a listener may use goes before it was asked for, though there is to be none', () => {
      const client = new PlainClient(protocol, plainSnapshot(5, {}))
      assert.deepEqual(client.ask('cluster', { held: { a: '1' } }), [])
      assert.deepEqual(client.ask('listener', { held: { l: '1' } }), told('listener -l'))
      assert.deepEqual(client.ack('listener'), told('cluster -a'))
    })

    test('a cluster that is sent before its endpoints are asked for is followed by them, whatever is claimed', () => {
      const client = new PlainClient(protocol, plainSnapshot(5, { ...full, cluster: { a: '2' } }))
      assert.deepEqual(client.ask('cluster', { held: { a: '1' } }), told('cluster +a@2'))
      assert.deepEqual(
        client.ask('endpoints', { subscribe: ['a'], held: { a: '1' } }),
        told('endpoints +a@1'),
      )
      assert.deepEqual(client.ack('endpoints'), [])
    })

    test('clusters are not removed before the listeners and routes that may use them were asked for', () => {
      const client = new PlainClient(protocol, plainSnapshot(5, { ...full, route: { r: '2' } }))
      assert.deepEqual(client.ask('cluster', { held: { a: '1', old: '1' } }), [])
      const endpoints = client.ask('endpoints', { subscribe: ['a', 'old'], held: { a: '1' } })
      assert.deepEqual(endpoints, told('endpoints !old'))
      client.request('listener', { held: { l: '1' } })
      assert.deepEqual(client.ask('route', { subscribe: ['r'], held: { r: '1' } }), told('route +r@2'))
      assert.deepEqual(client.ack('route'), told('cluster -old'))
    })

    test('an Envoy whose cluster warms (it does not ask for clusters) gets endpoints anew, then the rest', () => {
      const client = new PlainClient(protocol, plainSnapshot(5, { ...full, route: { r: '2' } }))
      assert.deepEqual(client.ask('endpoints', { subscribe: ['a'], held }), told('endpoints +a@1'))
      assert.deepEqual(client.ask('listener', { held: { l: '1' } }), [])
      assert.deepEqual(client.ask('route', { subscribe: ['r'], held: { r: '1' } }), [])
      assert.deepEqual(client.ack('endpoints'), [])
      assert.deepEqual(client.ask('cluster', { held }), told('route +r@2'))
    })

    test('a response that was never answered is not sent again when the Envoy claims to have it', () => {
      const client = started(protocol)
      const next = plainSnapshot(2, { ...full, route: { r: '2' } })
      client.publish(next)
      client.session.close()
      const again = new PlainClient(protocol, next, client.shared)
      assert.deepEqual(again.ask('route', { subscribe: ['r'], held: { r: '2' } }), [])
    })

    test('what came in a refused response may be in force, though the Envoy does not claim it', () => {
      const client = started(protocol)
      client.publish(plainSnapshot(2, { ...full, route: { r: '2', bad: '1' } }))
      client.request('route', { subscribe: ['bad'] })
      client.ack('route')
      client.ack('route')
      client.publish(plainSnapshot(3, { ...full, route: { r: '3', bad: '2' } }))
      assert.deepEqual(client.nack('route'), told('route +r@3'))
      client.session.close()
      const again = new PlainClient(protocol, plainSnapshot(4, { ...full, route: { r: '2' } }), client.shared)
      assert.deepEqual(again.ask('route', { subscribe: ['r'], held: { r: '2' } }), told('route +r@2'))
    })

    test('a claimed route whose newest version was refused among others is left alone', () => {
      const names = ['r', 's']
      const client = started(protocol, { ...full, route: { r: '1', s: '1' } })
      client.publish(plainSnapshot(2, { ...full, route: { r: 'bad', s: '2' } }))
      assert.deepEqual(client.nack('route'), told('route +r@bad'))
      assert.deepEqual(client.nack('route'), told('route +s@2'))
      client.ack('route')
      client.session.close()
      const again = new PlainClient(protocol, client.session.snapshot, client.shared)
      const held = { r: '1', s: '2' }
      assert.deepEqual(again.ask('route', { subscribe: names, held }), [])
      assert.equal(again.session.types().route?.state, 'nacked')
    })

    test('endpoints that did not arrive after their cluster are sent again, whatever is claimed', () => {
      const client = started(protocol)
      const next = plainSnapshot(2, { ...full, cluster: { a: '2' } })
      assert.deepEqual(client.publish(next), told('cluster +a@2', 'endpoints +a@1'))
      client.session.close()
      const again = new PlainClient(protocol, next, client.shared)
      assert.deepEqual(again.ask('cluster', { held: { a: '2' } }), [])
      assert.deepEqual(again.ask('endpoints', { subscribe: ['a'], held: { a: '1' } }), told('endpoints +a@1'))
    })

    test('endpoints whose next version is refused follow their cluster as they were, on the next stream, too', () => {
      const client = started(protocol)
      client.publish(plainSnapshot(2, { ...full, endpoints: { a: 'bad' } }))
      assert.deepEqual(client.nack('endpoints'), [])
      const next = plainSnapshot(3, { ...full, cluster: { a: '2' }, endpoints: { a: 'bad' } })
      assert.deepEqual(client.publish(next), told('cluster +a@2', 'endpoints +a@1'))
      client.session.close()
      const again = new PlainClient(protocol, next, client.shared)
      again.ask('cluster', { held: { a: '2' } })
      assert.deepEqual(again.ask('endpoints', { subscribe: ['a'], held: { a: '1' } }), told('endpoints +a@1'))
      assert.deepEqual(again.ack('endpoints'), [])
      assert.equal(again.session.types().endpoints?.state, 'nacked')
    })

    test('endpoints, listeners and routes are served without clusters', () => {
      const { cluster: _, ...without } = full
      const client = new PlainClient(protocol, plainSnapshot(1, without))
      assert.deepEqual(client.ask('endpoints', { subscribe: ['a'] }), told('endpoints +a@1'))
      assert.deepEqual(client.ask('listener'), told('listener +l@1'))
      assert.deepEqual(client.ask('route', { subscribe: ['r'] }), told('route +r@1'))
    })
  })

  describe(`make before break over ${protocol}`, () => {
    const moved: VersionsByType = {
      cluster: { b: '1' },
      endpoints: { b: '1' },
      listener: { l: '1' },
      route: { r: '2' },
    }

    test('a route moves to a new cluster: cluster, endpoints, route, then the old ones go', () => {
      const client = started(protocol)
      assert.deepEqual(client.publish(plainSnapshot(2, moved)), told('cluster +b@1'))
      assert.deepEqual(client.ask('endpoints', { subscribe: ['b'] }), told('endpoints +b@1'))
      assert.deepEqual(client.ack('endpoints'), [], 'the cluster may still warm')
      assert.deepEqual(client.ack('cluster'), told('route +r@2'))
      assert.deepEqual(client.ack('route'), told('cluster -a', 'endpoints -a'))
      client.ack('cluster')
      client.ack('endpoints', { unsubscribe: ['a'] })
      assert.equal(client.delivery(), 'acked')
    })

    test('the endpoints of a cluster that is sent again follow it, without its ACK', () => {
      const client = started(protocol)
      const next = plainSnapshot(2, { ...full, cluster: { a: '2' } })
      assert.deepEqual(client.publish(next), told('cluster +a@2', 'endpoints +a@1'))
      client.ack('endpoints')
      assert.deepEqual(client.ack('cluster'), [])
    })

    test('endpoints that were on their way when the cluster was sent follow it once more', () => {
      const client = started(protocol)
      assert.deepEqual(
        client.publish(plainSnapshot(2, { ...full, endpoints: { a: '2' } })),
        told('endpoints +a@2'),
      )
      const next = plainSnapshot(3, { ...full, cluster: { a: '2' }, endpoints: { a: '2' } })
      assert.deepEqual(client.publish(next), told('cluster +a@2'))
      assert.deepEqual(client.ack('endpoints'), told('endpoints +a@2'))
    })

    test('endpoints that do not exist end the warming of their cluster at once', () => {
      const client = started(protocol)
      const { endpoints: _, ...without } = full
      const next = plainSnapshot(2, { ...without, cluster: { a: '2' } })
      // By the state of the world that cannot be said, and those that it has are better than none.
      const last = { delta: 'endpoints -a', sotw: 'endpoints +a@1' }
      assert.deepEqual(client.publish(next), ['cluster +a@2', last[protocol]])
    })

    test('a listener goes before its routes; a route configuration that it waits for comes at once', () => {
      const client = started(protocol)
      const next = plainSnapshot(2, { ...full, listener: { l: '2' }, route: { r: '2', n: '1' } })
      assert.deepEqual(client.publish(next), told('listener +l@2'))
      assert.deepEqual(client.ask('route', { subscribe: ['n'] }), told('route +n@1'))
      assert.deepEqual(client.ack('listener'), [])
      assert.deepEqual(client.ack('route'), told('route +r@2'))
    })

    test('a listener that is renamed goes and comes in one response: the new one takes its port', () => {
      const client = started(protocol)
      const next = plainSnapshot(2, { ...full, listener: { m: '1' } })
      assert.deepEqual(client.publish(next), told('listener +m@1 -l'))
    })

    test('a rejected route keeps the cluster that its old version may use', () => {
      const client = started(protocol)
      client.publish(plainSnapshot(2, moved))
      client.ack('cluster')
      assert.deepEqual(client.nack('route'), [])
      assert.equal(client.session.types().cluster?.state, 'pending')
      assert.deepEqual(client.publish(plainSnapshot(3, { ...moved, route: { r: '3' } })), told('route +r@3'))
      assert.deepEqual(client.ack('route'), told('cluster -a', 'endpoints -a'))
    })

    test('a gateway that is emptied loses listeners first and clusters last', () => {
      const client = started(protocol)
      const said = [client.publish(plainSnapshot(2, {})), client.ack('listener'), client.ack('route')].flat()
      assert.deepEqual(said, told('listener -l', 'route -r', 'cluster -a', 'endpoints -a'))
    })
  })

  describe(`secrets and extensions over ${protocol}`, () => {
    const equipped: VersionsByType = { ...full, secret: { s: '1' }, extension: { e: '1' } }

    /** The same with a secret and an extension, for which an Envoy asks when it has got its listener. */
    function startedEquipped(): PlainClient {
      const client = started(protocol, equipped)
      client.ask('secret', { subscribe: ['s'] })
      client.ask('extension', { subscribe: ['e'] })
      client.ack('secret')
      client.ack('extension')
      assert.equal(client.delivery(), 'acked')
      return client
    }

    for (const type of ['secret', 'extension'] as const) {
      test(`a ${type} that is asked for and not there yet is sent as soon as it exists, others are not`, () => {
        const client = started(protocol)
        const said = client.ask(type, { subscribe: ['late'] })
        assert.deepEqual(said, told(`${type} !late`))
        for (const _ of said) assert.deepEqual(client.ack(type), [])
        const next = plainSnapshot(2, { ...full, [type]: { late: '1', other: '1' } })
        assert.deepEqual(client.publish(next), told(`${type} +late@1`))
        assert.deepEqual(client.ack(type), [])
      })

      test(`a changed ${type} is sent alone`, () => {
        const client = startedEquipped()
        assert.deepEqual(
          client.publish(plainSnapshot(2, { ...equipped, [type]: { [type[0]!]: '2' } })),
          told(`${type} +${type[0]}@2`),
        )
        assert.deepEqual(client.ack(type), [])
        assert.equal(client.delivery(), 'acked')
      })
    }

    test('a push goes in the order clusters, endpoints, secrets, extensions, listeners, routes', () => {
      const client = startedEquipped()
      const next = Object.entries(equipped).map(([type, names]) => {
        return [type, Object.fromEntries(Object.keys(names).map((name) => [name, '2']))]
      })
      const first = client.publish(plainSnapshot(2, Object.fromEntries(next)))
      assert.deepEqual(first, told('cluster +a@2', 'endpoints +a@2', 'secret +s@2'))
      client.ack('secret')
      client.ack('endpoints')
      assert.deepEqual(client.ack('cluster'), told('extension +e@2', 'listener +l@2'))
      assert.deepEqual(client.ack('listener'), told('route +r@2'))
    })

    describe('an extension whose parts routes name', () => {
      const parts = (extension: string, route: string): VersionsByType => {
        return { ...equipped, extension: { e: extension }, route: { r: route } }
      }
      function startedParts(): PlainClient {
        const client = startedEquipped()
        client.publish(plainSnapshot(2, parts('a,b:1', '1')))
        client.ack('extension')
        assert.equal(client.delivery(), 'acked')
        return client
      }

      test('grows before the routes, and shrinks when they are in force', () => {
        const client = startedParts()
        const sent = client.publish(plainSnapshot(3, parts('b,c:1', '2')))
        assert.deepEqual(sent, told('extension +e@~b,c:1', 'route +r@2'))
        assert.deepEqual(client.ack('extension'), [])
        assert.equal(client.delivery(), 'pending')
        assert.deepEqual(client.ack('route'), told('extension +e@b,c:1'))
        assert.deepEqual(client.ack('extension'), [])
        assert.equal(client.delivery(), 'acked')
      })

      test('goes at once if it has all that it had', () => {
        const client = startedParts()
        const sent = client.publish(plainSnapshot(3, parts('a,b,c:1', '2')))
        assert.deepEqual(sent, told('extension +e@a,b,c:1', 'route +r@2'))
      })

      test('that only loses some goes once, when the routes are in force', () => {
        const client = startedParts()
        assert.deepEqual(client.publish(plainSnapshot(3, parts('b:1', '2'))), told('route +r@2'))
        assert.deepEqual(client.ack('route'), told('extension +e@b:1'))
        assert.deepEqual(client.ack('extension'), [])
        assert.equal(client.delivery(), 'acked')
      })

      test('keeps what routes in force name while their successors are refused, and until others come', () => {
        const client = startedParts()
        client.publish(plainSnapshot(3, parts('c:1', '2')))
        client.ack('extension')
        assert.deepEqual(client.nack('route'), [])
        assert.equal(client.delivery(), 'nacked')
        const sent = client.publish(plainSnapshot(4, parts('d:1', '3')))
        assert.deepEqual(sent, told('extension +e@~d:1', 'route +r@3'))
        assert.deepEqual(partsOf(client.last('extension').upserts[0]!), new Set(['a', 'b', 'c', 'd', ':1']))
        client.ack('extension')
        assert.deepEqual(client.ack('route'), told('extension +e@d:1'))
      })

      test('is refused as what it grows towards, and tried again', () => {
        const client = startedParts()
        const next = plainSnapshot(3, parts('c:1', '2'))
        assert.deepEqual(client.publish(next), told('extension +e@~c:1', 'route +r@2'))
        assert.deepEqual(client.nack('extension'), [])
        client.ack('route')
        assert.equal(client.delivery(), 'nacked')
        client.session.retry()
        // No route in force needs what went, but what the Envoy has is the old one.
        assert.deepEqual(client.advance(), told('extension +e@~c:1'))
        assert.deepEqual(client.ack('extension'), told('extension +e@c:1'))
        client.ack('extension')
        assert.equal(client.delivery(), 'acked')
      })

      // By the state of the world it claims one version for all that it has.
      if (protocol === 'delta') {
        test('grows for an Envoy that comes back with the old one, and with the larger one', () => {
          const client = startedParts()
          client.publish(plainSnapshot(3, parts('c:1', '2')))
          client.session.close()
          for (const held of ['a,b:1', client.last('extension').upserts[0]!.version]) {
            const again = new PlainClient(protocol, plainSnapshot(4, parts('d:1', '3')), client.shared)
            for (const [type, versions] of Object.entries({ ...equipped, extension: { e: held } })) {
              const wild = type === 'cluster' || type === 'listener'
              again.request(type, { held: versions, ...(!wild && { subscribe: Object.keys(versions) }) })
            }
            assert.deepEqual(again.advance(), told('extension +e@~d:1', 'route +r@3'))
          }
        })
      }
    })

    test('an extension that grew at another replica, which had the same revisions, goes on from there', () => {
      const versions = (extension: string, route: string): VersionsByType => {
        return { ...equipped, extension: { e: extension }, route: { r: route } }
      }
      const [first, second] = [plainSnapshot(1, versions('a:1', '1')), plainSnapshot(2, versions('b:1', '2'))]
      const one = started(protocol, versions('a:1', '1'))
      one.ask('extension', { subscribe: ['e'] })
      one.ack('extension')
      assert.deepEqual(one.publish(second), told('extension +e@~b:1', 'route +r@2'))
      const held = { e: one.last('extension').upserts[0]!.version }
      const memory = new StreamMemory(stillClock)
      noteGrowing(memory.recent, first, second)
      const other = new PlainClient('delta', second, { memory })
      other.request('cluster', { held: { a: '1' } })
      other.request('listener', { held: { l: '1' } })
      other.request('extension', { subscribe: ['e'], held })
      assert.deepEqual(other.ask('route', { subscribe: ['r'], held: { r: '1' } }), ['route +r@2'])
      assert.deepEqual(other.ack('route'), ['extension +e@b:1'])
    })

    test('a cluster that warms for a secret gets it without its own ACK', () => {
      const client = started(protocol)
      const next = plainSnapshot(2, { ...full, cluster: { a: '2' }, secret: { s: '1' } })
      client.publish(next)
      client.ack('endpoints')
      assert.deepEqual(client.ask('secret', { subscribe: ['s'] }), told('secret +s@1'))
      client.ack('secret')
      client.ack('cluster')
      assert.equal(client.delivery(), 'acked')
    })

    test('a secret and an extension stay until no listener and no cluster can name them', () => {
      const client = startedEquipped()
      assert.deepEqual(
        client.publish(plainSnapshot(2, { ...full, listener: { l: '2' } })),
        told('listener +l@2'),
      )
      // The response is a refusal: the listener in force is the old one.
      assert.deepEqual(client.nack('listener'), [])
      assert.deepEqual(
        client.publish(plainSnapshot(3, { ...full, listener: { l: '3' } })),
        told('listener +l@3'),
      )
      assert.deepEqual(client.ack('listener'), told('secret -s', 'extension -e'))
    })

    test('an Envoy that comes back keeps its secrets until its listeners are known to need them no more', () => {
      const client = new PlainClient(protocol, plainSnapshot(5, { ...full, listener: { l: '2' } }))
      client.request('cluster', { held: { a: '1' } })
      client.request('endpoints', { subscribe: ['a'], held: { a: '1' } })
      const said = client.ask('secret', { subscribe: ['s'], held: { s: '1' } })
      assert.deepEqual(said, [])
      assert.deepEqual(client.ask('listener', { held: { l: '1' } }), told('listener +l@2'))
      assert.deepEqual(client.ack('listener'), told('secret -s'))
    })
  })

  describe(`NACKs over ${protocol}`, () => {
    const many: VersionsByType = { route: { a: '1', b: '1', c: '1', d: '1' } }
    const names = Object.keys(many.route!)

    test('a rejected version is parked: it is not sent again, a newer one is', () => {
      const client = started(protocol)
      assert.deepEqual(
        client.publish(plainSnapshot(2, { ...full, route: { r: 'bad' } })),
        told('route +r@bad'),
      )
      assert.deepEqual(client.nack('route', 'missing )'), [])
      assert.deepEqual(client.publish(plainSnapshot(3, { ...full, route: { r: 'bad' } })), [])
      const { state, nacks } = client.session.delivery()
      assert.deepEqual([state, nacks], ['nacked', [{ type: 'route', resource: 'r', error: 'missing )' }]])
      assert.deepEqual(client.publish(plainSnapshot(4, { ...full, route: { r: '2' } })), told('route +r@2'))
      client.ack('route')
      assert.equal(client.delivery(), 'acked')
    })

    test('of several resources, the culprit is parked and the others arrive', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, many))
      assert.deepEqual(client.ask('route', { subscribe: names }), told('route +a@1 +b@1 +c@1 +d@1'))
      assert.deepEqual(client.nack('route'), told('route +a@1 +b@1'))
      assert.equal(client.delivery(), 'pending')
      assert.deepEqual(client.ack('route'), told('route +c@1 +d@1'))
      assert.deepEqual(client.nack('route'), told('route +c@1'))
      assert.deepEqual(client.nack('route', 'c is bad'), told('route +d@1'))
      assert.deepEqual(client.ack('route'), [])
      const { state, nacks } = client.session.delivery()
      assert.deepEqual([state, nacks], ['nacked', [{ type: 'route', resource: 'c', error: 'c is bad' }]])
    })

    test('what changes during the search waits for its end, and a fixed culprit is sent as it is now', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, many))
      client.ask('route', { subscribe: [...names, 'e'] })
      client.nack('route')
      const next = plainSnapshot(2, { route: { ...many.route, d: '2', e: '1' } })
      assert.deepEqual(client.publish(next), [])
      assert.deepEqual(client.ack('route'), told('route +c@1 +d@2'))
      assert.deepEqual(client.ack('route'), told('route +e@1'))
      assert.deepEqual(client.ack('route'), [])
      assert.equal(client.delivery(), 'acked')
    })

    test('a rejection outlives the stream', () => {
      const first = started(protocol)
      first.publish(plainSnapshot(2, { ...full, cluster: { a: '1', b: 'bad' } }))
      first.nack('cluster')
      const again = plainSnapshot(2, { ...full, cluster: { a: '1', b: 'bad' } })
      const client = new PlainClient(protocol, again, first.shared)
      assert.deepEqual(client.ask('cluster', { held: { a: '1' } }), [])
      assert.deepEqual(
        client.publish(plainSnapshot(3, { ...full, cluster: { a: '1', b: '2' } })),
        told('cluster +b@2'),
      )
    })

    test('a name that is asked for anew, and whose version was rejected, is said to be absent', () => {
      const first = new PlainClient(protocol, plainSnapshot(1, { route: { r: 'bad' } }))
      first.ask('route', { subscribe: ['r'] })
      assert.deepEqual(first.nack('route'), [])
      const client = new PlainClient(protocol, plainSnapshot(1, { route: { r: 'bad' } }), first.shared)
      const said = client.ask('route', { subscribe: ['r'] })
      assert.deepEqual(said, told('route !r'))
      for (const _ of said) assert.deepEqual(client.ack('route'), [])
      assert.equal(client.delivery(), 'nacked')
    })

    test('what came in a refused response is not taken away when its next version is rejected too', () => {
      const first = new PlainClient(protocol, plainSnapshot(1, { secret: { r: 'bad', s: '1' } }))
      first.ask('secret', { subscribe: ['r', 's'] })
      first.publish(plainSnapshot(2, { secret: { r: 'bad', s: 'bad' } }))
      assert.deepEqual(first.nack('secret', 'r: not usable'), told('secret +s@bad'))
      assert.deepEqual(first.nack('secret'), told('secret +r@bad'))
      first.nack('secret')
      first.session.close()
      const client = new PlainClient(protocol, first.session.snapshot, first.shared)
      const said = client.ask('secret', { subscribe: ['r', 's'] })
      assert.deepEqual(said, told('secret !r'))
      for (const _ of said) assert.deepEqual(client.ack('secret'), [])
      assert.equal(client.delivery(), 'nacked')
    })

    test('what was in doubt and given up is said to be absent when it is asked for again', () => {
      const client = new PlainClient(protocol, plainSnapshot(1, { secret: { r: 'bad', s: '1' } }))
      client.ask('secret', { subscribe: ['r', 's'] })
      client.publish(plainSnapshot(2, { secret: { r: 'bad', s: 'bad' } }))
      client.nack('secret', 'r: not usable')
      client.nack('secret')
      client.nack('secret')
      assert.deepEqual(client.ask('secret', { unsubscribe: ['s'] }), [])
      assert.deepEqual(client.ask('secret', { subscribe: ['s'] }), told('secret !s'))
    })

    test('a rejected version that is taken back needs nothing: the old one is in force', () => {
      const client = started(protocol)
      client.publish(plainSnapshot(2, { ...full, route: { r: 'bad' } }))
      client.nack('route')
      assert.deepEqual(client.publish(plainSnapshot(3, full)), [])
      assert.equal(client.delivery(), 'acked')
    })

    test('a rejected listener keeps the route configuration that its old version uses', () => {
      const client = started(protocol)
      client.publish(plainSnapshot(2, { ...full, listener: { l: 'bad' }, route: { n: '1' } }))
      assert.deepEqual(client.nack('listener'), [])
      assert.deepEqual(
        client.publish(plainSnapshot(3, { ...full, listener: { l: '3' }, route: { n: '1' } })),
        told('listener +l@3'),
      )
      assert.deepEqual(client.ack('listener', { unsubscribe: [] }), told('route -r'))
    })

    test('removals that came with a rejected resource are said again', () => {
      const client = started(protocol)
      const next = plainSnapshot(2, { ...full, listener: { m: 'bad' } })
      assert.deepEqual(client.publish(next), told('listener +m@bad -l'))
      assert.deepEqual(client.nack('listener'), told('listener -l'))
      assert.deepEqual(client.ack('listener'), [])
      assert.equal(client.delivery(), 'nacked')
    })
  })
}
