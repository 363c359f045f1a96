import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { encode } from '../../src/envoy-api/protos.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { WeirError } from '../../src/errors.ts'
import type { Event } from '../../src/observe.ts'
import { bounds } from '../../src/xds/bounds.ts'
import type { RetryClock } from '../../src/xds/retry.ts'
import { createXdsServer, type XdsOptions } from '../../src/xds/server.ts'
import { openAdsStream } from '../support/ads-client.ts'
import { protocols } from './dialects.ts'
import { plainSnapshot, type VersionsByType } from './plain.ts'

const node = { id: 'n1', cluster: 'edge' }
const askClusters = { node, type_url: typeUrls.cluster }

async function startServer(t: TestContext, options: Omit<XdsOptions, 'observe'> = {}) {
  const events: Event[] = []
  const server = createXdsServer({ observe: (event) => events.push(event), ...options })
  const { port } = await server.listen('127.0.0.1:0')
  t.after(() => server.close(100))
  const open = (method?: 'delta' | 'sotw') => {
    const stream = openAdsStream(port, method)
    t.after(() => stream.close())
    return stream
  }
  const publish = (revision: number, versions: VersionsByType) =>
    server.publish(plainSnapshot(revision, versions))
  return { server, port, events, open, publish }
}

test('an Envoy of an unknown gateway is refused, shown, and let in once the gateway exists', async (t) => {
  const { server, open, publish, events } = await startServer(t)
  server.markLoaded()
  const refused = open()
  refused.send(askClusters)
  const { code, details } = await refused.failure
  assert.equal(code, status.NOT_FOUND)
  assert.match(details, /"edge".*create it/)
  assert.equal(server.fleet.list()[0]?.state, 'refused')
  assert.ok(events.some(({ event }) => event === 'xds_refused'))
  publish(1, {})
  const admitted = open()
  admitted.send(askClusters)
  assert.equal((await admitted.next()).type_url, typeUrls.cluster)
  assert.equal(server.fleet.list()[0]?.state, 'connected')
})

test('until everything is loaded an Envoy is held, not refused', async (t) => {
  const { server, open, publish } = await startServer(t)
  const [known, other] = [open(), open()]
  known.send(askClusters)
  other.send({ ...askClusters, node: { id: 'n2', cluster: 'other' } })
  publish(1, {})
  assert.equal((await known.next()).system_version_info, '1')
  server.markLoaded()
  assert.equal((await other.failure).code, status.NOT_FOUND)
})

test('a node without id or gateway is told so', async (t) => {
  const { open, events } = await startServer(t)
  const stream = open()
  stream.send({ type_url: typeUrls.cluster })
  const { code, details } = await stream.failure
  assert.equal(code, status.INVALID_ARGUMENT)
  assert.match(details, /node\.id/)
  const refused = events.find((event) => event.event === 'xds_refused')
  assert.match(refused?.peer ?? '', /^127\.0\.0\.1:\d+$/)
  assert.equal(refused?.reason, details)
})

for (const protocol of protocols) {
  test(`over ${protocol}, two Envoys of one id are both shown, both awaited, and the one outlives the other`, async (t) => {
    const { server, open, publish } = await startServer(t)
    publish(1, {})
    const [one, two] = [open(protocol), open(protocol)]
    const question = (revision: number) => ({
      revision,
      gateways: ['edge'],
      expected: [{ gateway: 'edge', id: 'n1' }],
    })
    const accept = async (stream: typeof one) => {
      const { nonce } = await stream.next()
      stream.send({ type_url: typeUrls.cluster, response_nonce: nonce })
    }
    for (const stream of [one, two]) {
      stream.send(askClusters)
      await accept(stream)
    }
    assert.equal((await server.fleet.whenDelivered(question(1))).state, 'acked')
    publish(2, { cluster: { a: '1' } })
    await accept(one)
    const half = await server.fleet.whenDelivered(question(2), { signal: AbortSignal.abort() })
    assert.equal(half.state, 'pending')
    assert.equal(new Set(half.envoys.map(({ peer }) => peer)).size, 2)
    await accept(two)
    assert.equal((await server.fleet.whenDelivered(question(2))).state, 'acked')
    two.close()
    while (server.fleet.list().length === 2) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(server.fleet.list()[0]?.state, 'connected')
    publish(3, { cluster: { a: '2' } })
    await accept(one)
    assert.equal((await server.fleet.whenDelivered(question(3))).state, 'acked')
  })
}

for (const protocol of protocols) {
  test(`over ${protocol}, what an Envoy refused is sent again when its time has come, and at once when that is asked for`, async (t) => {
    let now = 0
    const timers = new Map<() => void, number>()
    const clock: RetryClock = {
      now: () => now,
      random: () => 0.5,
      timer(ms, fire) {
        timers.set(fire, ms)
        return () => timers.delete(fire)
      },
    }
    const { server, open, publish } = await startServer(t, { clock })
    publish(1, { cluster: { a: '1' } })
    const stream = open(protocol)
    stream.send(askClusters)
    const question = { revision: 1, gateways: ['edge'] }
    const settled = () => server.fleet.settled(question).state
    const refuse = async () => {
      const { nonce } = await stream.next()
      stream.send({ type_url: typeUrls.cluster, response_nonce: nonce, error_detail: { message: 'in use' } })
      return (await server.fleet.whenDelivered(question)).state
    }
    assert.equal(await refuse(), 'nacked')
    assert.deepEqual([...timers.values()], [5_000])
    server.retry('edge')
    assert.equal(settled(), 'pending')
    assert.equal(await refuse(), 'nacked')
    const [[fire, ms] = assert.fail(), ...others] = [...timers]
    assert.deepEqual([ms, others], [10_000, []])
    assert.equal(server.fleet.list()[0]?.lastNack?.resolvedAt, undefined)
    const again = stream.next()
    now = ms
    timers.clear()
    fire()
    const { nonce } = await again
    stream.send({ type_url: typeUrls.cluster, response_nonce: nonce })
    assert.equal((await server.fleet.whenDelivered(question)).state, 'acked')
    assert.equal(server.fleet.list()[0]?.lastNack?.resolvedAt, '1970-01-01T00:00:10.000Z')
    server.retry('edge')
    server.retry('unknown')
    assert.equal(settled(), 'acked')
  })
}

test('over sotw, each response of clusters holds them all, and versions are the same on another server', async (t) => {
  const versions: unknown[] = []
  for (const { server, open, publish } of [await startServer(t), await startServer(t)]) {
    const stream = open('sotw')
    stream.send(askClusters)
    for (const [revision, names] of [['a'], ['a', 'b']].entries()) {
      publish(revision + 1, { cluster: Object.fromEntries(names.map((name) => [name, '1'])) })
      const { resources, version_info, nonce } = await stream.next()
      assert.equal((resources as unknown[]).length, names.length)
      assert.equal(server.fleet.list()[0]?.types.cluster?.state, 'pending')
      stream.send({ type_url: typeUrls.cluster, version_info, response_nonce: nonce })
      const question = { revision: revision + 1, gateways: ['edge'] }
      assert.equal((await server.fleet.whenDelivered(question)).state, 'acked')
      versions.push(version_info)
    }
    assert.equal(server.fleet.list()[0]?.protocol, 'sotw')
  }
  assert.deepEqual(versions.slice(0, 2), versions.slice(2))
  assert.equal(new Set(versions).size, 2)
})

test('a broken bound ends the stream', async (t) => {
  const { open, publish } = await startServer(t)
  publish(1, {})
  const stream = open()
  stream.send({ ...askClusters, resource_names_subscribe: ['x'.repeat(bounds.nameLength + 1)] })
  assert.equal((await stream.failure).code, status.INVALID_ARGUMENT)
})

test('streams that take too much together are sent away one by one, and what they took is given back', async (t) => {
  const { open, publish } = await startServer(t, { bytesOfStreams: 100_000 })
  publish(1, {})
  const ask = async () => {
    const stream = open()
    const resource_names_subscribe = Array.from({ length: 300 }, (_, n) => `${n}`)
    stream.send({ node, type_url: typeUrls.endpoints, resource_names_subscribe })
    const refused = stream.failure.then(({ code }) => code)
    return { stream, code: await Promise.race([stream.next().then(() => status.OK), refused]) }
  }
  const [first, second] = [await ask(), await ask()]
  assert.deepEqual([first.code, second.code], [status.OK, status.RESOURCE_EXHAUSTED])
  first.stream.close()
  // The server learns of the end before it reads what comes on a later connection, but nothing says so.
  while ((await ask()).code !== status.OK) {}
})

test('a flood of requests ends the stream', async (t) => {
  const { open, publish } = await startServer(t)
  publish(1, {})
  const stream = open()
  stream.send({ ...askClusters, type_url: typeUrls.endpoints })
  for (let n = 0; n < bounds.requestBurst * 2; n++) {
    stream.send({ type_url: typeUrls.endpoints, response_nonce: 'stale' })
  }
  assert.equal((await stream.failure).code, status.RESOURCE_EXHAUSTED)
})

test('a secret goes to the Envoys of its gateway alone, whoever asks for it', async (t) => {
  const { server, open } = await startServer(t)
  server.publish(plainSnapshot(1, { secret: { 'certificate/shop': '1' } }, 'edge'))
  server.publish(plainSnapshot(1, {}, 'other'))
  for (const [cluster, added, removed] of [
    ['edge', 1, 0],
    ['other', 0, 1],
  ] as const) {
    const stream = open()
    const ask = { type_url: typeUrls.secret, resource_names_subscribe: ['certificate/shop'] }
    stream.send({ node: { id: 'n', cluster }, ...ask })
    const { resources = [], removed_resources = [] } = await stream.next()
    assert.deepEqual([(resources as []).length, (removed_resources as []).length], [added, removed], cluster)
  }
})

test('several publications in one tick reach a stream as one response', async (t) => {
  const { server, open, publish, events } = await startServer(t)
  publish(1, {})
  const stream = open()
  stream.send(askClusters)
  const { nonce } = await stream.next()
  stream.send({ type_url: typeUrls.cluster, response_nonce: nonce })
  await server.fleet.whenDelivered({ revision: 1, gateways: ['edge'] })
  for (const version of ['1', '2', '3']) publish(1 + Number(version), { cluster: { a: version } })
  assert.equal((await stream.next()).system_version_info, '4')
  assert.equal(events.filter(({ event }) => event === 'xds_sent').length, 2)
})

test('a revision that changes nothing settles without a word', async (t) => {
  const { server, open, publish, events } = await startServer(t)
  publish(1, {})
  const stream = open()
  stream.send(askClusters)
  const { nonce } = await stream.next()
  stream.send({ type_url: typeUrls.cluster, response_nonce: nonce })
  await server.fleet.whenDelivered({ revision: 1, gateways: ['edge'] })
  publish(2, {})
  assert.equal(server.fleet.settled({ revision: 2, gateways: ['edge'] }).state, 'pending')
  assert.equal((await server.fleet.whenDelivered({ revision: 2, gateways: ['edge'] })).state, 'acked')
  assert.equal(events.filter(({ event }) => event === 'xds_sent').length, 1)
})

test('a retired gateway empties its Envoys and takes no new ones', async (t) => {
  const { server, open, publish } = await startServer(t)
  publish(1, { cluster: { a: '1' } })
  server.markLoaded()
  const stream = open()
  stream.send(askClusters)
  const { nonce } = await stream.next()
  stream.send({ type_url: typeUrls.cluster, response_nonce: nonce })
  server.retire('edge', 2)
  assert.deepEqual((await stream.next()).removed_resources, ['a'])
  const late = open()
  late.send({ ...askClusters, node: { id: 'n2', cluster: 'edge' } })
  assert.equal((await late.failure).code, status.NOT_FOUND)
  assert.deepEqual(
    server.fleet.list().map(({ id, state }) => [id, state]),
    [
      ['n1', 'connected'],
      ['n2', 'refused'],
    ],
  )
})

test('closing ends the streams, held ones too, in a way that asks to connect again', async (t) => {
  const { server, open, publish } = await startServer(t)
  publish(1, {})
  const [served, held] = [open(), open()]
  served.send(askClusters)
  held.send({ ...askClusters, node: { id: 'n2', cluster: 'other' } })
  await served.next()
  const closed = server.close(5_000)
  assert.equal((await served.failure).code, status.UNAVAILABLE)
  assert.equal((await held.failure).code, status.UNAVAILABLE)
  await closed
})

test('a client that does not read is sent the newest state only, once it reads again', async (t) => {
  const { server, open, events } = await startServer(t)
  const any = encode('google.protobuf.Any', { type_url: 'plain', value: Buffer.alloc(3 * 1024 * 1024) })
  const big = (revision: number) => {
    const snapshot = plainSnapshot(revision, { cluster: { a: String(revision) } })
    const resource = { name: 'a', version: String(revision), any }
    return { ...snapshot, resources: new Map([[typeUrls.cluster, new Map([['a', resource]])]]) }
  }
  server.publish(big(1))
  // Nothing is read from the stream until somebody listens to it.
  const stream = open()
  stream.send(askClusters)
  const sent = () => events.filter(({ event }) => event === 'xds_sent').length
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => sent() === 1)
  stream.send({ type_url: typeUrls.endpoints, resource_names_subscribe: ['z'] })
  await until(() => server.fleet.list()[0]?.types.endpoints !== undefined)
  for (let revision = 2; revision < 50; revision++) server.publish(big(revision))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(sent(), 1, 'the answer about endpoints waits until the clusters are written')
  const answers: string[] = []
  const finished = new Promise<void>((resolve) => {
    stream.call.on('data', (response) => {
      answers.push(response.system_version_info)
      stream.send({ type_url: response.type_url, response_nonce: response.nonce })
      if (response.system_version_info === '49' && response.type_url === typeUrls.cluster) resolve()
    })
  })
  await finished
  assert.deepEqual(answers.slice(0, 1), ['1'])
  assert.ok(sent() <= 3, `sent for ${answers}`)
})

test('an address that is taken stops the start with one line', async (t) => {
  const { port } = await startServer(t)
  const server = createXdsServer({ observe: () => {} })
  t.after(() => server.close(0))
  await assert.rejects(server.listen(`127.0.0.1:${port}`), (error) => {
    return error instanceof WeirError && error.code === 'startup' && /WEIR_XDS_ADDR/.test(error.message)
  })
})
