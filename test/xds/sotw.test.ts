import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { bounds } from '../../src/xds/bounds.ts'
import { Versions } from '../../src/xds/versions.ts'
import { everyName, versionOfAll } from './dialects.ts'
import { PlainClient, plainResources, plainSnapshot, type ShortType } from './plain.ts'

const client = (...args: Parameters<typeof plainSnapshot>) => new PlainClient('sotw', plainSnapshot(...args))

/** Everything in the last response of a type, as `a@1 b@1`. */
function content(client: PlainClient, type: ShortType): string {
  return client
    .last(type)
    .content.map(({ name, version }) => `${name}@${version}`)
    .join(' ')
}

/** A client that accepted these listeners. */
function listening(listener: Record<string, string>): PlainClient {
  const listening = client(1, { listener })
  listening.ask('listener')
  listening.ack('listener')
  return listening
}

describe('names over sotw', () => {
  test('no names mean all clusters and listeners, but not all endpoints or routes', () => {
    const one = client(1, { cluster: { a: '1' }, endpoints: { a: '1' }, route: { r: '1' } })
    assert.deepEqual(one.ask('cluster'), ['cluster +a@1'])
    assert.deepEqual(one.ask('endpoints'), [])
    assert.deepEqual(one.ask('route'), [])
    assert.equal(one.session.types().endpoints?.state, 'acked')
  })

  test('once a client has named something, no names mean none', () => {
    const one = client(1, { cluster: { a: '1', b: '1' } })
    const type_url = typeUrls.cluster
    one.dialect.send({ type_url, resource_names: ['*', 'a'] })
    assert.deepEqual(one.advance(), ['cluster +a@1 +b@1'])
    one.ack('cluster')
    one.dialect.send({ type_url, resource_names: ['a'] })
    one.publish(plainSnapshot(2, { cluster: { a: '2', b: '2' } }))
    assert.equal(content(one, 'cluster'), 'a@2')
    one.ack('cluster')
    one.dialect.send({ type_url })
    assert.deepEqual(one.publish(plainSnapshot(3, { cluster: { a: '3', b: '3' } })), [])
  })

  test('a name that is dropped and wanted again is sent again, also when a stale request said so', () => {
    const one = client(1, { route: { r: '1', s: '1' } })
    one.ask('route', { subscribe: ['r', 's'] })
    one.ack('route')
    one.publish(plainSnapshot(2, { route: { r: '1', s: '2' } }))
    assert.deepEqual(one.ask('route', { unsubscribe: ['r'] }), [])
    assert.deepEqual(one.ask('route', { subscribe: ['r'] }), [])
    assert.deepEqual(one.ack('route'), ['route +r@1'])
  })
})

describe('responses over sotw', () => {
  test('of clusters hold them all, old ones too while routes may use them', () => {
    const one = client(1, { cluster: { a: '1' }, listener: { l: '1' }, route: { r: '1' } })
    one.ask('cluster')
    one.ack('cluster')
    one.ask('listener')
    one.ack('listener')
    one.ask('route', { subscribe: ['r'] })
    one.ack('route')
    const next = plainSnapshot(2, { cluster: { b: '1' }, listener: { l: '1' }, route: { r: '2' } })
    assert.deepEqual(one.publish(next), ['cluster +b@1'])
    assert.equal(content(one, 'cluster'), 'b@1 a@1')
    assert.deepEqual(one.ack('cluster'), ['route +r@2'])
    assert.deepEqual(one.ack('route'), ['cluster -a'])
    assert.equal(content(one, 'cluster'), 'b@1')
  })

  test('a refused listener is sent in its accepted version whenever others change', () => {
    const one = listening({ l: '1' })
    one.publish(plainSnapshot(2, { listener: { l: 'bad' } }))
    assert.deepEqual(one.nack('listener'), [])
    assert.deepEqual(one.publish(plainSnapshot(3, { listener: { l: 'bad', m: '1' } })), ['listener +m@1'])
    assert.equal(content(one, 'listener'), 'm@1 l@1')
    assert.deepEqual(one.ack('listener'), [])
    assert.equal(one.delivery(), 'nacked')
  })

  test('while a culprit is looked for, the other suspects go back to what was accepted', () => {
    const one = listening({ a: '1', b: '1', c: '1' })
    one.publish(plainSnapshot(2, { listener: { a: '2', b: 'bad', c: '1', n: '2' } }))
    one.nack('listener')
    assert.equal(content(one, 'listener'), 'a@2 b@bad c@1', 'without n')
    one.nack('listener')
    assert.equal(content(one, 'listener'), 'a@2 c@1 b@1')
    one.ack('listener')
    assert.equal(content(one, 'listener'), 'a@2 b@bad c@1')
    one.nack('listener')
    assert.equal(content(one, 'listener'), 'a@2 c@1 n@2 b@1')
    assert.deepEqual(one.ack('listener'), [])
    const { nacks } = one.session.delivery()
    assert.deepEqual(
      nacks.map(({ resource }) => resource),
      ['b'],
    )
  })

  test('a culprit that the message names is held back at once, and the rest is not touched', () => {
    const one = listening({ a: '1', b: '1' })
    one.publish(plainSnapshot(2, { listener: { a: '2', b: 'bad', n: '2' } }))
    one.nack('listener', 'Error adding/updating listener(s) b: no such filter\n')
    assert.equal(content(one, 'listener'), 'a@2 n@2 b@1')
    assert.deepEqual(one.ack('listener'), ['listener +b@bad'])
    assert.deepEqual(one.nack('listener', 'Error adding/updating listener(s) b: no such filter\n'), [])
    assert.equal(one.delivery(), 'nacked')
  })

  test('endpoints follow a cluster that goes back to its accepted version, which warms as well', () => {
    const one = client(1, { cluster: { a: '1', b: '1' }, endpoints: { a: '1', b: '1' } })
    one.ask('cluster')
    one.ask('endpoints', { subscribe: ['a', 'b'] })
    one.ack('cluster')
    one.ack('endpoints')
    one.publish(plainSnapshot(2, { cluster: { a: '2', b: 'bad' }, endpoints: { a: '1', b: '1' } }))
    one.ack('endpoints')
    assert.deepEqual(one.nack('cluster'), ['cluster +a@2', 'endpoints +a@1 +b@1'])
    assert.equal(content(one, 'cluster'), 'a@2 b@1')
  })

  test('a cluster whose newest endpoints were refused keeps the accepted ones, however often it changes', () => {
    const one = client(1, { cluster: { a: '1' }, endpoints: { a: '1' } })
    one.ask('cluster')
    one.ask('endpoints', { subscribe: ['a'] })
    one.ack('cluster')
    one.ack('endpoints')
    const { version } = one.last('endpoints')
    one.publish(plainSnapshot(2, { cluster: { a: '1' }, endpoints: { a: 'bad' } }))
    one.nack('endpoints')
    for (const cluster of ['2', '3']) {
      const next = plainSnapshot(Number(cluster) + 1, { cluster: { a: cluster }, endpoints: { a: 'bad' } })
      assert.deepEqual(one.publish(next), [`cluster +a@${cluster}`, 'endpoints +a@1'])
      assert.deepEqual([...one.ack('endpoints'), ...one.ack('cluster')], [])
      assert.equal(one.last('endpoints').version, version, 'it has what it had')
    }
    assert.equal(one.delivery(), 'nacked')
    const takenBack = plainSnapshot(5, { cluster: { a: '3' }, endpoints: { a: '1' } })
    assert.deepEqual(one.publish(takenBack), [])
    assert.equal(one.delivery(), 'acked')
  })

  test('accepted endpoints that are refused when they are repeated are not repeated for ever', () => {
    const one = client(1, { cluster: { a: '1' }, endpoints: { a: '1' } })
    one.ask('cluster')
    one.ask('endpoints', { subscribe: ['a'] })
    one.ack('cluster')
    one.ack('endpoints')
    one.publish(plainSnapshot(2, { cluster: { a: '2' } }))
    assert.deepEqual(one.nack('endpoints'), [])
    assert.deepEqual(one.ack('cluster'), [])
    assert.equal(one.delivery(), 'acked')
  })
})

test('a version that is accepted while a resource is in doubt is not that of any certain state', () => {
  const one = client(1, { route: { r: '1', s: '1' } })
  one.ask('route', { subscribe: ['r', 's'] })
  one.ack('route')
  one.publish(plainSnapshot(2, { route: { r: '2', s: 'bad' } }))
  assert.deepEqual(one.nack('route'), ['route +r@2'])
  const certain = ['1', 'bad'].map((s) => {
    const other = client(1, { route: { r: '2', s } })
    other.ask('route', { subscribe: ['r', 's'] })
    return other.last('route').version
  })
  assert.equal(new Set([one.last('route').version, ...certain]).size, 3)
})

describe('reconnects over sotw', () => {
  test('a route that was given up while the stream broke is sent when it is wanted again, whatever is claimed', () => {
    const one = client(1, { route: { r: '1' } })
    one.ask('route', { subscribe: ['r'] })
    one.ack('route')
    const claim = { type_url: typeUrls.route, version_info: one.last('route').version }
    const comeBack = (resource_names: string[]) => {
      one.session.close()
      one.dialect.connect(one.session.snapshot, one.shared, '')
      one.dialect.send({ ...claim, resource_names })
      return one.advance()
    }
    assert.deepEqual(comeBack([]), [])
    assert.deepEqual(comeBack(['r']), ['route +r@1'])
    one.ack('route')
    assert.deepEqual(comeBack(['r']), [], 'it has it now')
  })

  /** A client that comes back to a server that never heard of its versions. */
  const stranger = (listener: Record<string, string>) => {
    const one = client(5, { listener })
    one.dialect.send({ type_url: typeUrls.listener, version_info: 'of-another-server' })
    one.advance()
    return one
  }

  test('a version that is not known is answered with everything, be it nothing', () => {
    assert.equal(content(stranger({ l: '1', m: '1' }), 'listener'), 'l@1 m@1')
    assert.equal(content(stranger({}), 'listener'), '')
  })

  test('what is refused then stays as it is, while the others arrive', () => {
    const one = stranger({ l: 'bad', m: '1' })
    const message = 'Error adding/updating listener(s) l: no such filter'
    one.nack('listener', message)
    assert.equal(content(one, 'listener'), 'm@1 l@bad', 'left out, the old version of l would go')
    one.nack('listener', message)
    assert.equal(content(one, 'listener'), 'l@bad m@1')
    assert.deepEqual(one.nack('listener', message), [])
    const { state, nacks } = one.session.delivery()
    assert.deepEqual([state, nacks.map(({ resource }) => resource)], ['nacked', ['l']])
    one.publish(plainSnapshot(6, { listener: { l: '2', m: '1' } }))
    assert.equal(content(one, 'listener'), 'l@2 m@1')
    one.ack('listener')
    assert.equal(one.delivery(), 'acked')
  })

  test('what stood in and is accepted now is no longer refused, and nothing is sent once more', () => {
    const one = stranger({ l: 'bad', m: '1' })
    const message = 'Error adding/updating listener(s) l: no such filter'
    one.nack('listener', message)
    one.nack('listener', message)
    assert.deepEqual(one.nack('listener', message), [])
    assert.equal(one.delivery(), 'nacked')
    const again = new PlainClient('sotw', plainSnapshot(6, { listener: { l: 'bad', m: '2' } }), one.shared)
    again.dialect.send({ type_url: typeUrls.listener, version_info: 'of-a-third-server' })
    again.advance()
    assert.equal(content(again, 'listener'), 'm@2 l@bad')
    assert.deepEqual(again.ack('listener'), [])
    assert.equal(again.delivery(), 'acked')
    assert.equal(again.session.nextRetry(), undefined)
    const back = new PlainClient('sotw', again.session.snapshot, one.shared)
    back.dialect.send({ type_url: typeUrls.listener, version_info: again.last('listener').version })
    assert.deepEqual(back.advance(), [])
  })

  test('endpoints follow a cluster that stands in for what the client has, for it may be accepted now', () => {
    const one = client(5, { cluster: { a: 'bad', b: 'bad' }, endpoints: { a: '1' } })
    one.dialect.send({ type_url: typeUrls.cluster, version_info: 'of-another-server' })
    one.ask('endpoints', { subscribe: ['a'] })
    one.ack('endpoints')
    assert.deepEqual(one.nack('cluster').slice(1), ['endpoints +a@1'])
    assert.equal(content(one, 'cluster'), 'a@bad b@bad', 'b stands in')
    one.ack('endpoints')
    const [, ...followed] = one.nack('cluster')
    assert.equal(content(one, 'cluster'), 'b@bad a@bad', 'a stands in')
    assert.deepEqual(followed, ['endpoints +a@1'])
  })

  test('a client that has nothing is known to, whoever told it so: the culprit is found, and others arrive', () => {
    const before = client(1, {})
    before.ask('listener')
    const version_info = before.last('listener').version
    const one = client(5, { listener: { l: 'bad', m: '1' } })
    one.dialect.send({ type_url: typeUrls.listener, version_info })
    one.advance()
    one.nack('listener')
    assert.equal(content(one, 'listener'), 'l@bad')
    one.nack('listener')
    assert.equal(content(one, 'listener'), 'm@1')
    assert.deepEqual(one.ack('listener'), [])
    assert.equal(one.delivery(), 'nacked')
  })

  const cases = [
    { server: 'that knows the version', warms: false, sent: '' },
    { server: 'that does not know the version', warms: false, sent: 'endpoints +a@1' },
    { server: 'that knows the version', warms: true, sent: 'endpoints +a@1 +b@1' },
    { server: 'that does not know the version', warms: true, sent: 'endpoints +a@1 -b' },
  ]
  for (const { server, warms, sent } of cases) {
    const who = warms ? 'an Envoy whose cluster warms is answered for all' : 'they are left alone'
    test(`endpoints went meanwhile, at a server ${server}: ${who}`, () => {
      const versions = new Versions()
      const held = plainResources({ a: '1', b: '1' })
      const version_info = versionOfAll(held)
      if (server === 'that knows the version') {
        versions.put(typeUrls.endpoints, version_info, { base: held, exceptions: new Map() }, everyName())
      }
      const one = new PlainClient('sotw', plainSnapshot(5, { endpoints: { a: '1' } }), { versions })
      if (!warms) one.request('cluster')
      one.dialect.send({ type_url: typeUrls.endpoints, resource_names: ['a', 'b'], version_info })
      assert.equal(one.advance().find((line) => line.startsWith('endpoints')) ?? '', sent)
    })
  }

  test('a name that was given up and wanted again is sent, though the version claims it', () => {
    const route = { r: '1', s: '1' }
    const one = client(1, { route })
    one.ask('route', { subscribe: ['r', 's'] })
    one.ack('route')
    one.request('route', { unsubscribe: ['r'] })
    one.session.close()
    const again = new PlainClient('sotw', plainSnapshot(1, { route }), one.shared)
    assert.deepEqual(again.ask('route', { subscribe: ['r', 's'], held: route }), ['route +r@1'])
  })
})

describe('versions that went out', () => {
  const put = (versions: Versions, name: string, size: number) => {
    const names = Array.from({ length: size }, (_, n) => [`${name}${n}`, '1'])
    const base = plainResources(Object.fromEntries(names))
    versions.put(typeUrls.cluster, name, { base, exceptions: new Map() }, everyName())
  }

  test('are told by what the client had then', () => {
    const versions = new Versions()
    put(versions, 'v', 2)
    assert.deepEqual([...(versions.get(typeUrls.cluster, 'v')?.keys() ?? [])], ['v0', 'v1'])
    assert.equal(versions.get(typeUrls.listener, 'v'), undefined)
    assert.equal(versions.get(typeUrls.cluster, 'w'), undefined)
  })

  test('are bounded in bytes: the oldest are forgotten', () => {
    const versions = new Versions()
    const size = 20_000
    const fit = Math.floor(bounds.versionsBytes / (size * bounds.bytesPerBaseEntry + bounds.memoryNodeBytes))
    for (let n = 0; n <= fit; n++) put(versions, `v${n}.`, size)
    assert.equal(versions.get(typeUrls.cluster, 'v0.'), undefined)
    assert.equal(versions.get(typeUrls.cluster, 'v1.')?.size, size)
  })
})
