import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { lineOf } from '../support/access-log.ts'
import type { Span } from '../support/collector.ts'
import type { Received } from '../support/http.ts'
import { type ObservedTiers, startObservedTiers } from '../support/observed-tiers.ts'
import { until } from '../support/until.ts'

const accessLog = { format: 'json' }
const ways = [
  { title: 'otlp by gRPC', provider: 'otlp', collector: 'grpc', way: 'grpc' },
  { title: 'otlp by HTTP', provider: 'otlp', collector: 'http', way: '/v1/traces' },
  { title: 'zipkin', provider: 'zipkin', collector: 'http', way: '/api/v2/spans' },
]

let tiers: ObservedTiers

/** Spans of a trace, once so many have come. */
async function spansOf(traceId: string, count: number): Promise<Span[]> {
  const found = () => tiers.collector.spans.filter((span) => span.traceId === traceId)
  await until(`${count} spans of ${traceId}`, () => found().length >= count)
  return found()
}

const idOf = ({ headers }: Received) => headers['x-request-id'] as string
const traceOf = async (answer: Received) => (await lineOf(tiers.edge, idOf(answer))).traceId as string

/** The only one that is like that. */
function one(spans: Span[], like: (span: Span) => boolean): Span {
  const found = spans.filter(like)
  assert.equal(found.length, 1, JSON.stringify(spans))
  return found[0]!
}

const isLimit = ({ name }: Span) => /ShouldRateLimit/.test(name)

before(async () => {
  tiers = await startObservedTiers({ accessLog })
})
after(() => tiers?.stop())

for (const { title, provider, collector, way } of ways) {
  describe(title, () => {
    before(() => tiers.observe({ accessLog, tracing: { provider, collector } }))

    test('one trace from the edge over the internal gateway to the upstream, and to the rate-limit service', async () => {
      tiers.collector.ways.clear()
      const answer = await tiers.send('/books?api_key=hidden')
      const seen = tiers.upstream.seen.at(-1)!.headers
      const spans = await spansOf(await traceOf(answer), 5)
      assert.equal(spans.length, 5)
      const edge = one(spans, ({ service, kind }) => service === 'edge' && kind === 'server')
      const limit = one(spans, isLimit)
      const forwarded = one(
        spans,
        (span) => span.service === 'edge' && span.kind === 'client' && !isLimit(span),
      )
      const internal = one(spans, ({ service, kind }) => service === 'internal' && kind === 'server')
      const sent = one(spans, ({ service, kind }) => service === 'internal' && kind === 'client')
      assert.equal(edge.parent, '')
      assert.deepEqual([limit.service, limit.parent, forwarded.parent], ['edge', edge.id, edge.id])
      assert.deepEqual([internal.parent, sent.parent], [forwarded.id, internal.id])
      assert.equal(seen.traceparent, `00-${edge.traceId}-${sent.id}-01`)
      if (provider === 'zipkin') {
        assert.deepEqual(
          ['traceid', 'spanid', 'parentspanid', 'sampled'].map((name) => seen[`x-b3-${name}`]),
          [edge.traceId, sent.id, internal.id, '1'],
        )
      }
      assert.deepEqual([...tiers.collector.ways], [way])
    })

    test('spans name gateway, listener, route and cluster, and no query', async () => {
      const answer = await tiers.send({ path: '/books?api_key=hidden', headers: { host: 'shop.example' } })
      const spans = await spansOf(await traceOf(answer), 5)
      const edge = one(spans, ({ service, kind }) => service === 'edge' && kind === 'server')
      assert.match(edge.name, /^get shop$/i)
      const { tags } = edge
      assert.deepEqual(
        [tags.gateway, tags.listener, tags.route, tags.cluster, tags['http.url'], tags['http.status_code']],
        ['edge', 'http', 'shop', 'inside', 'http://shop.example/books', '200'],
      )
      assert.equal(tags['guid:x-request-id'], idOf(answer))
      assert.ok(!JSON.stringify(spans).includes('hidden'))
    })

    test('a denied request says by which policy', async () => {
      const answer = await tiers.send('/denied')
      assert.equal(answer.status, 429)
      const spans = await spansOf(await traceOf(answer), 2)
      const edge = one(spans, ({ kind }) => kind === 'server')
      assert.deepEqual([edge.tags['denied.policy'], edge.tags['denied.limit']], ['none', '0'])
      assert.equal(edge.tags['denied.plan'] ?? '', '')
    })

    test('a W3C trace that the client brings is joined', async () => {
      const traceId = '0af7651916cd43dd8448eb211c80319c'.replace(/^.{8}/, () => fresh())
      await tiers.send({ path: '/', headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } })
      const spans = await spansOf(traceId, 5)
      assert.equal(
        one(spans, ({ service, kind }) => service === 'edge' && kind === 'server').parent,
        'b7ad6b7169203331',
      )
    })

    if (provider === 'zipkin') {
      test('so is a B3 one', async () => {
        const traceId = `${fresh()}16cd43dd8448eb211c80319c`
        const headers = { 'x-b3-traceid': traceId, 'x-b3-spanid': 'b7ad6b7169203331', 'x-b3-sampled': '1' }
        await tiers.send({ path: '/', headers })
        const spans = await spansOf(traceId, 5)
        assert.equal(
          one(spans, ({ service, kind }) => service === 'edge' && kind === 'server').parent,
          'b7ad6b7169203331',
        )
      })
    }

    describe('sample: 0', () => {
      before(() => tiers.observe({ accessLog, tracing: { provider, collector, sample: 0 } }))

      test('no request is traced, and the upstream is told so', async () => {
        const answers = await Promise.all(Array.from({ length: 20 }, () => tiers.send('/')))
        const flags = tiers.upstream.seen.slice(-20).map(({ headers }) => `${headers.traceparent}`.slice(-3))
        assert.deepEqual(new Set(flags), new Set(['-00']))
        const ids = answers.map(idOf)
        // Spans of a later trace come later: had there been others, they would be there.
        await tiers.observe({ accessLog, tracing: { provider, collector } })
        await spansOf(await traceOf(await tiers.send('/')), 5)
        assert.ok(
          !tiers.collector.spans.some(({ tags }) => ids.includes(tags['guid:x-request-id'] as string)),
        )
        await tiers.observe({ accessLog, tracing: { provider, collector, sample: 0 } })
      })

      if (provider === 'otlp') {
        test('a client cannot have its requests traced', async () => {
          const traceId = `${fresh()}16cd43dd8448eb211c80319c`
          const headers = {
            traceparent: `00-${traceId}-b7ad6b7169203331-01`,
            'x-client-trace-id': 'mine',
            'x-envoy-force-trace': 'true',
          }
          await tiers.send({ path: '/', headers })
          assert.match(
            tiers.upstream.seen.at(-1)!.headers.traceparent as string,
            new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`),
          )
        })
      }
    })
  })
}

/** Eight digits of a trace id that no other request has. */
function fresh(): string {
  return Math.floor((1 + Math.random()) * 2 ** 31)
    .toString(16)
    .padStart(8, '0')
}

describe('x-request-id', () => {
  test('is made at the edge, whatever the client sent, and kept by the gateways behind it', async () => {
    const answer = await tiers.send({ path: '/', headers: { 'x-request-id': 'mine' } })
    const id = idOf(answer)
    assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.equal(tiers.upstream.seen.at(-1)!.headers['x-request-id'], id)
    const [edge, internal] = [await lineOf(tiers.edge, id), await lineOf(tiers.internal, id)]
    assert.deepEqual([edge.gateway, internal.gateway], ['edge', 'internal'])
    assert.equal(edge.traceId, internal.traceId)
  })

  test('is returned with a refusal, too', async () => {
    const answer = await tiers.send({ path: '/denied', headers: { 'x-request-id': 'mine' } })
    assert.equal(answer.status, 429)
    const { requestId, deniedBy } = await lineOf(tiers.edge, idOf(answer))
    assert.deepEqual([requestId, deniedBy], [idOf(answer), 'none'])
    assert.notEqual(requestId, 'mine')
    assert.equal(JSON.parse(answer.body).requestId, requestId)
  })

  test('a listener that says who calls decides it', async () => {
    const ask = async () =>
      idOf(await tiers.send({ path: '/', headers: { 'x-request-id': 'from-another-fleet' } }))
    const listeners = (callers: string) => [
      { name: 'http', port: tiers.ports.edge, protocol: 'http', callers },
    ]
    const apply = (callers: string) =>
      tiers.weir.api(
        'PATCH',
        '/v1/gateways/edge?wait=acked&timeout=30s',
        JSON.stringify({ spec: { listeners: listeners(callers) } }),
      )
    assert.equal((await apply('gateways')).status, 200)
    await until('ids are kept', async () => (await ask()) === 'from-another-fleet')
    assert.equal((await apply('clients')).status, 200)
    await until('ids are made', async () => (await ask()) !== 'from-another-fleet')
  })
})
