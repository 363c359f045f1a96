import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import type { Message } from '../../src/envoy-api/types.ts'
import type { Event } from '../../src/observe.ts'
import { createXdsServer, type XdsServer } from '../../src/xds/server.ts'
import type { Snapshot } from '../../src/xds/snapshot.ts'
import { issue } from '../support/certificate.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { freePort } from '../support/ports.ts'
import { handshake } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { type Protocol, protocols } from './dialects.ts'
import {
  edsCluster,
  endpoints,
  listener,
  respond,
  routes,
  secret,
  snapshotOf,
  tlsListener,
  toCluster,
} from './resources.ts'

const gateway = 'edge'
const patience = { timeoutMs: 30_000 }
const upstream = createServer((_request, response) => response.end('upstream'))
let upstreamPort = 0

before(async () => {
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  upstreamPort = (upstream.address() as AddressInfo).port
})
after(() => {
  upstream.closeAllConnections()
  upstream.close()
})

interface Fixture {
  server: XdsServer
  xdsPort: number
  events: Event[]
  envoy: TestEnvoy
  /** Publishes and waits until the Envoy has answered for all of it. */
  deliver(snapshot: Snapshot): Promise<string>
}

async function startPair(t: TestContext, protocol: Protocol, first: Snapshot): Promise<Fixture> {
  const events: Event[] = []
  const server = createXdsServer({ observe: (event) => events.push(event) })
  const { port: xdsPort } = await server.listen('127.0.0.1:0')
  t.after(() => server.close(100))
  server.publish(first)
  const envoy = await startTestEnvoy({ gateway, xdsPort, protocol, id: 'n1', labels: { track: 'canary' } })
  t.after(() => envoy.stop())
  assert.equal(await delivered(server, first.revision), 'acked')
  const deliver = (snapshot: Snapshot) => {
    server.publish(snapshot)
    return delivered(server, snapshot.revision)
  }
  return { server, xdsPort, events, envoy, deliver }
}

async function delivered(server: XdsServer, revision: number): Promise<string> {
  const expected = [{ gateway, id: 'n1' }]
  const question = { revision, gateways: [gateway], expected }
  return (await server.fleet.whenDelivered(question, patience)).state
}

function sent(events: Event[]) {
  return events.filter((event) => event.event === 'xds_sent')
}

/** In short: type, how many resources, how many removals. */
function sentInShort(events: Event[]): string[] {
  return sent(events).map(({ type, resources, removed }) => `${type} +${resources} -${removed}`)
}

/** Waits on the listener to open; an acknowledged listener may still be on its way into the worker. */
async function body(port: number, path = '/'): Promise<string> {
  const deadline = Date.now() + 10_000
  for (;;) {
    try {
      return await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

for (const protocol of protocols) {
  test(`over ${protocol}, clusters, endpoints, listeners and routes arrive; a route edit touches nothing else`, async (t) => {
    const port = await freePort()
    const parts = {
      cluster: [edsCluster('a')],
      endpoints: [endpoints('a', upstreamPort)],
      listener: [listener('l', port, 'r')],
    }
    const first = snapshotOf(gateway, 1, { ...parts, route: [routes('r', toCluster('/', 'a'))] })
    const { server, events, envoy, deliver } = await startPair(t, protocol, first)
    assert.equal(await body(port), 'upstream')
    const [item] = server.fleet.list()
    const { version, labels } = item ?? assert.fail()
    assert.deepEqual([version, labels, item?.protocol], ['1.40.0', { track: 'canary' }, protocol])
    assert.deepEqual(item?.types.listener, { state: 'acked', revision: 1 })

    events.length = 0
    const edited = snapshotOf(gateway, 2, { ...parts, route: [routes('r', respond('/', 'edited'))] })
    assert.equal(await deliver(edited), 'acked')
    assert.deepEqual(sentInShort(events), ['route +1 -0'])
    assert.equal(await body(port), 'edited')
    const stats = await envoy.stats('listener_manager.*(added|modified)')
    assert.equal(stats['listener_manager.listener_added'], 1)
    assert.equal(stats['listener_manager.listener_modified'], 0)
  })

  test(`over ${protocol}, a cluster is replaced without a request lost, and a changed one does not wait to warm`, async (t) => {
    const port = await freePort()
    const with_ = (revision: number, name: string, connectMs: number) =>
      snapshotOf(gateway, revision, {
        cluster: [edsCluster(name, connectMs)],
        endpoints: [endpoints(name, upstreamPort)],
        listener: [listener('l', port, 'r')],
        route: [routes('r', toCluster('/', name))],
      })
    const { events, envoy, deliver } = await startPair(t, protocol, with_(1, 'a', 1000))
    await body(port)
    let going = true
    const answers = new Map<string, number>()
    const load = (async () => {
      while (going) {
        const answer = await (await fetch(`http://127.0.0.1:${port}/`)).text()
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
      }
    })()
    events.length = 0
    assert.equal(await deliver(with_(2, 'b', 1000)), 'acked')
    const sequence = {
      delta: ['cluster +1 -0', 'endpoints +1 -0', 'route +1 -0', 'cluster +0 -1', 'endpoints +0 -1'],
      sotw: ['cluster +2 -0', 'endpoints +1 -0', 'route +1 -0', 'cluster +1 -1'],
    }
    assert.deepEqual(sentInShort(events), sequence[protocol])
    events.length = 0
    assert.equal(await deliver(with_(3, 'b', 2000)), 'acked')
    assert.deepEqual(sentInShort(events), ['cluster +1 -0', 'endpoints +1 -0'])
    // Without its endpoints the changed cluster would have warmed until Envoy's 15 s were over.
    assert.equal((await envoy.stats('init_fetch_timeout'))['cluster.b.init_fetch_timeout'], 0)
    going = false
    await load
    assert.deepEqual([...answers.keys()], ['upstream'])
  })

  test(`over ${protocol}, a cluster that changes keeps its endpoints while their next version is refused`, async (t) => {
    const port = await freePort()
    const with_ = (revision: number, connectMs: number, endpointPort: number) =>
      snapshotOf(gateway, revision, {
        cluster: [edsCluster('a', connectMs)],
        endpoints: [endpoints('a', endpointPort)],
        listener: [listener('l', port, 'r')],
        route: [routes('r', toCluster('/', 'a'))],
      })
    const { deliver } = await startPair(t, protocol, with_(1, 1000, upstreamPort))
    assert.equal(await body(port), 'upstream')
    assert.equal(await deliver(with_(2, 1000, 70_000)), 'nacked')
    assert.equal(await deliver(with_(3, 2000, 70_000)), 'nacked')
    assert.equal(await body(port), 'upstream')
    assert.equal(await deliver(with_(4, 2000, upstreamPort)), 'acked')
    assert.equal(await body(port), 'upstream')
  })

  test(`over ${protocol}, a server that restarts sends nothing again, and names what was removed meanwhile`, async (t) => {
    const port = await freePort()
    const parts = {
      listener: [listener('l', port, 'r')],
      route: [routes('r', toCluster('/', 'a'))],
    }
    const two = snapshotOf(gateway, 1, {
      ...parts,
      cluster: [edsCluster('a'), edsCluster('b')],
      endpoints: [endpoints('a', upstreamPort), endpoints('b', upstreamPort)],
    })
    const { server, xdsPort, envoy } = await startPair(t, protocol, two)
    await body(port)

    async function restart(old: XdsServer, snapshot: Snapshot) {
      await old.close(5_000)
      const events: Event[] = []
      const next = createXdsServer({ observe: (event) => events.push(event) })
      t.after(() => next.close(100))
      next.publish(snapshot)
      await next.listen(`127.0.0.1:${xdsPort}`)
      assert.equal(await delivered(next, snapshot.revision), 'acked')
      return { next, events }
    }

    const same = await restart(server, two)
    assert.deepEqual(sentInShort(same.events), [])
    const one = snapshotOf(gateway, 2, {
      ...parts,
      cluster: [edsCluster('a')],
      endpoints: [endpoints('a', upstreamPort)],
    })
    const less = await restart(same.next, one)
    // This server does not know what the Envoy means by its versions.
    const sequence = {
      delta: ['cluster +0 -1', 'endpoints +0 -1'],
      sotw: ['cluster +1 -0', 'endpoints +1 -0'],
    }
    assert.deepEqual(sentInShort(less.events), sequence[protocol])
    assert.equal(await body(port), 'upstream')
    const names = Object.keys(await envoy.stats('^cluster\\..*membership_total'))
    assert.deepEqual(names, ['cluster.a.membership_total', 'cluster.weir_xds.membership_total'])
  })

  test(`over ${protocol}, of five route configurations with one bad regex, the four good ones arrive`, async (t) => {
    const ports = await Promise.all([0, 1, 2, 3, 4].map(() => freePort()))
    const listeners = ports.map((port, n) => listener(`l${n}`, port, `r${n}`))
    const good = ports.map((_, n) => routes(`r${n}`, respond('/', 'old')))
    const { server, events, deliver } = await startPair(
      t,
      protocol,
      snapshotOf(gateway, 1, { listener: listeners, route: good }),
    )
    const regex = { match: { safe_regex: { regex: '(' } }, direct_response: { status: 200 } }
    const edited = (bad: Message) =>
      ports.map((_, n) => routes(`r${n}`, ...(n === 2 ? [bad] : []), respond('/', 'new')))
    const broken = snapshotOf(gateway, 2, { listener: listeners, route: edited(regex) })
    assert.equal(await deliver(broken), 'nacked')
    const { envoys } = server.fleet.settled({ revision: 2, gateways: [gateway] })
    assert.deepEqual(
      envoys[0]?.nacks?.map(({ type, resource }) => [type, resource]),
      [['route', 'r2']],
    )
    assert.match(envoys[0]?.nacks?.[0]?.error ?? '', /missing \)/)
    const bodies = await Promise.all(ports.map((port) => body(port)))
    assert.deepEqual(bodies, ['new', 'new', 'old', 'new', 'new'])

    events.length = 0
    const next = snapshotOf(gateway, 3, { listener: listeners, route: edited(regex) })
    assert.equal(await deliver(next), 'nacked')
    assert.deepEqual(sentInShort(events), [], 'what was refused is not sent again')
    const mended = snapshotOf(gateway, 4, {
      listener: listeners,
      route: edited(respond('/never', '')),
    })
    assert.equal(await deliver(mended), 'acked')
    assert.deepEqual(sentInShort(events), ['route +1 -0'])
    assert.equal(await body(ports[2]!), 'new')
  })

  test(`over ${protocol}, secrets come to a listener that starts, changes, moves and shares them, each replaced alone`, async (t) => {
    const [one, two] = [await freePort(), await freePort()]
    const names = ['certificate/a', 'certificate/b']
    const made = (commonName: string) => issue({ commonName, names: [`${commonName}.example`] })
    const certificates = new Map(names.map((name) => [name, made(name.at(-1)!)]))
    const at = (revision: number, ...listeners: Message[]) =>
      snapshotOf(gateway, revision, {
        listener: listeners,
        route: [routes('r', respond('/', 'hello'))],
        secret: [...certificates].map(([name, each]) => secret(name, each)),
      })
    const over = (name: string, port: number, more: Message = {}) => tlsListener(name, port, names, more)
    const { events, envoy, deliver } = await startPair(t, protocol, at(1, over('l', one)))
    const served = async (port: number, servername: string) => {
      await until('it is open', async () => (await handshake(port)).failure === undefined)
      return (await handshake(port, { servername })).served
    }
    assert.deepEqual([await served(one, 'a.example'), await served(one, 'b.example')], ['a', 'b'])

    events.length = 0
    certificates.set('certificate/b', made('c'))
    assert.equal(await deliver(at(2, over('l', one))), 'acked')
    assert.deepEqual(sentInShort(events), ['secret +1 -0'])
    assert.deepEqual([await served(one, 'c.example'), await served(one, 'b.example')], ['c', 'a'])

    const changed = { per_connection_buffer_limit_bytes: { value: 9_999 } }
    assert.equal(await deliver(at(3, over('l', one, changed))), 'acked')
    assert.equal(await served(one, 'a.example'), 'a')
    assert.equal(await deliver(at(4, over('m', two, changed))), 'acked')
    assert.equal(await served(two, 'c.example'), 'c')
    assert.equal(await deliver(at(5, over('l', one), over('m', two, changed))), 'acked')
    assert.deepEqual([await served(one, 'c.example'), await served(two, 'a.example')], ['c', 'a'])
    const waited = await envoy.stats('sds.*init_fetch_timeout')
    assert.deepEqual(new Set(Object.values(waited)), new Set([0]))

    certificates.set('certificate/a', {
      ...made('bad'),
      privateKey: certificates.get('certificate/b')!.privateKey,
    })
    assert.equal(await deliver(at(6, over('l', one), over('m', two, changed))), 'nacked')
    assert.deepEqual([await served(one, 'a.example'), await served(two, 'c.example')], ['a', 'c'])
    const errors = events.flatMap((event) => (event.event === 'xds_nack' ? [event.error] : []))
    assert.ok(errors.length > 0)
    assert.doesNotMatch(errors.join(), /BEGIN/)
  })

  test(`over ${protocol}, a bad listener is held back alone, also when the Envoy connects again`, async (t) => {
    const [one, two] = [await freePort(), await freePort()]
    const route = [routes('r', respond('/', 'hello'))]
    const first = snapshotOf(gateway, 1, { listener: [listener('one', one, 'r')], route })
    const { server, xdsPort, events, deliver, envoy } = await startPair(t, protocol, first)
    const bad = {
      ...listener('bad', two, 'r'),
      filter_chains: [{ filters: [{ name: 'envoy.filters.network.no_such_filter' }] }],
    }
    const mixed = snapshotOf(gateway, 2, {
      listener: [listener('one', one, 'r'), bad, listener('two', two, 'r')],
      route,
    })
    assert.equal(await deliver(mixed), 'nacked')
    assert.equal(await body(two), 'hello')
    const [item] = server.fleet.list()
    assert.deepEqual([item?.lastNack?.type, item?.lastNack?.resources], ['listener', ['bad']])
    // Another Envoy of the same name and build stands for the one that comes back.
    await envoy.stop()
    events.length = 0
    const again = await startTestEnvoy({ gateway, xdsPort, protocol, id: 'n1' })
    t.after(() => again.stop())
    assert.equal(await delivered(server, 2), 'nacked')
    assert.equal(await body(one), 'hello')
    assert.equal(events.filter(({ event }) => event === 'xds_nack').length, 0)
  })
}

test('over sotw, another server than the one that knows the good version of a refused listener leaves it in force', async (t) => {
  const [one, two] = [await freePort(), await freePort()]
  const route = [routes('r', respond('/', 'hello'))]
  const first = snapshotOf(gateway, 1, { listener: [listener('one', one, 'r')], route })
  const { server, xdsPort, deliver, envoy } = await startPair(t, 'sotw', first)
  assert.equal(await body(one), 'hello')
  const noSuchFilter = { filters: [{ name: 'envoy.filters.network.no_such_filter' }] }
  const bad = { ...listener('one', one, 'r'), filter_chains: [noSuchFilter] }
  assert.equal(await deliver(snapshotOf(gateway, 2, { listener: [bad], route })), 'nacked')
  await server.close(5_000)
  const next = createXdsServer({ observe: () => {} })
  t.after(() => next.close(100))
  next.publish(snapshotOf(gateway, 3, { listener: [bad, listener('two', two, 'r')], route }))
  await next.listen(`127.0.0.1:${xdsPort}`)
  assert.equal(await delivered(next, 3), 'nacked')
  const { envoys } = next.fleet.settled({ revision: 3, gateways: [gateway] })
  assert.deepEqual(
    envoys[0]?.nacks?.map(({ resource }) => resource),
    ['one'],
  )
  assert.deepEqual([await body(one), await body(two)], ['hello', 'hello'])
  next.publish(snapshotOf(gateway, 4, { listener: [bad], route }))
  await delivered(next, 4)
  next.publish(snapshotOf(gateway, 5, { listener: [listener('one', one, 'r')], route }))
  assert.equal(await delivered(next, 5), 'acked')
  assert.equal(
    (await envoy.stats('listener_manager.total_listeners_active'))['listener_manager.total_listeners_active'],
    1,
  )
})
