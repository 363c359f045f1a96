import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { transportNames } from '../../src/ratelimit/transports/transport.ts'
import { type Collector, startCollector } from '../support/collector.ts'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { assertDecided, patient, policy } from '../support/rate-limits.ts'
import { rawExchange } from '../support/raw.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/**
 * With tracing on Envoy passes a client's `tracestate` on with its question about limits. `node:http2`, which `grpc-js` is made of,
 * takes no list of headers beyond 64 KiB.
 */
const states: [title: string, state: string, transports: readonly string[]][] = [
  ['an empty one', '', transportNames],
  ['white space around', 'a=b \t', transportNames],
  ['white space alone within', 'a=b, ,c=d', transportNames],
  ['bytes beyond ASCII', 'a=\xe4\xff', transportNames],
  ['17 KB', `a=${'<'.repeat(17_000)}`, transportNames],
  ['58 KB', `a=${'<'.repeat(58_000)}`, transportNames],
  ['90 KB', `a=${'<'.repeat(90_000)}`, ['lane']],
  ['126 KB of letters', `a=${'b'.repeat(126_000)}`, ['lane']],
]

for (const transport of transportNames) {
  describe(`requests whose clients bring a tracestate, over ${transport}`, () => {
    let edge: Edge
    let collector: Collector
    let upstream: Upstream

    before(async () => {
      collector = await startCollector()
      upstream = await startUpstream('main')
      edge = await startEdge({}, {}, { WEIR_RLS_TRANSPORT: transport })
      const spec = {
        maxRequestHeaderBytes: '128KiB',
        tracing: { provider: 'otlp', collector: 'collector' },
        ...patient,
      }
      await edge.apply(
        gateway(edge.port, spec),
        cluster('a', upstream),
        cluster('collector', { port: collector.grpcPort }, { protocol: 'http2' }),
        policy('none', { limit: 0 }),
        route('main', '/', { rateLimits: ['none'] }),
      )
      await until('the route is served', async () => (await statusWith('a=b')) === '429')
    })

    after(async () => {
      await edge?.stop()
      await upstream?.close()
      await collector?.close()
    })

    async function statusWith(state: string): Promise<string> {
      const lines = [
        'GET / HTTP/1.1',
        'host: edge',
        'connection: close',
        'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        `tracestate: ${state}`,
      ]
      const answer = await rawExchange(edge.port, Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
      return answer.slice(9, 12)
    }

    for (const [title, state, transports] of states) {
      if (!transports.includes(transport)) continue
      test(`${title}: the limit decides, as without`, async () => {
        // More than one, as a connection that is cut off may still have answered the first.
        assert.deepEqual([await statusWith(state), await statusWith(state)], ['429', '429'])
        await assertDecided(edge.envoy)
        assert.equal(await edge.weir.metric('weir_grpc_cut_connections_total', {}), 0)
      })
    }
  })
}
