import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { transportNames } from '../../src/ratelimit/transports/transport.ts'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { assertDecided, patient, policy } from '../support/rate-limits.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const long = process.env.WEIR_LONG === '1'
/** How many clients a second go while their request is decided: a library that costs several times as much takes fewer. */
const perSecond = long ? { lane: 2_000, 'grpc-js': 500 } : { lane: 500, 'grpc-js': 500 }
const seconds = long ? 30 : 1
const allowed = 100
const honest = allowed + 20

for (const transport of transportNames) {
  describe(`clients that abort at the edge, over ${transport}`, () => {
    let edge: Edge
    let upstream: Upstream

    before(async () => {
      upstream = await startUpstream('main')
      edge = await startEdge(patient, {}, { WEIR_RLS_TRANSPORT: transport })
      await edge.apply(
        cluster('a', upstream),
        policy('each', {
          ...{ algorithm: 'fixed_window', limit: allowed, window: '8784h' },
          key: [{ header: 'x-tenant' }],
        }),
        route('all', '/', { rateLimits: ['each'] }),
      )
      await until('the route is served', async () => (await statusOf('first').catch(() => 0)) === 200)
    })

    after(async () => {
      await edge?.stop()
      await upstream?.close()
    })

    async function statusOf(tenant: string): Promise<number> {
      const response = await fetch(`http://127.0.0.1:${edge.port}/`, { headers: { 'x-tenant': tenant } })
      await response.arrayBuffer()
      return response.status
    }

    /** Sends a request and is gone as soon as the kernel has it. */
    function abort(index: number): Promise<void> {
      return new Promise((resolve) => {
        const socket = connect(edge.port, '127.0.0.1')
        socket.on('error', () => undefined).once('close', () => resolve())
        socket.once('connect', () => {
          socket.write(`GET / HTTP/1.1\r\nhost: edge\r\nx-tenant: gone-${index % 1_000}\r\n\r\n`, () => {
            // Some a moment later, when their request is on its way to be decided.
            if (index % 2 === 0) socket.resetAndDestroy()
            else setImmediate(() => socket.resetAndDestroy())
          })
        })
      })
    }

    /** At that rate, whatever comes of each. */
    async function abortMany(): Promise<void> {
      const under = new Set<Promise<void>>()
      const started = performance.now()
      const rate = perSecond[transport]
      for (let sent = 0; sent < rate * seconds; ) {
        const due = Math.min(rate * seconds, Math.ceil(((performance.now() - started) / 1_000) * rate))
        for (; sent < due; sent++) {
          const one = abort(sent)
          under.add(one)
          void one.then(() => under.delete(one))
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(under)
    }

    test('no decision fails for it, and honest clients are counted exactly', async () => {
      const aborting = abortMany()
      const statuses: number[] = []
      for (let sent = 0; sent < honest; sent++) statuses.push(await statusOf('honest'))
      await aborting
      await assertDecided(edge.envoy)
      const stats = await edge.envoy.stats('(cx_destroy_remote_active_rq|weir_ratelimit)')
      const sum = (end: string) =>
        Object.entries(stats).reduce((all, [name, value]) => all + (name.endsWith(end) ? value : 0), 0)
      assert.ok(
        sum('downstream_cx_destroy_remote_active_rq') > 0,
        'clients went while Envoy was at work for them',
      )
      if (long) assert.ok(sum('upstream_rq_tx_reset') > 0, 'some while their request was decided')
      assert.equal(sum('outbound_control_flood'), 0, 'Envoy keeps its connection to weir')
      assert.deepEqual(new Set(statuses), new Set([200, 429]))
      const admitted = statuses.filter((status) => status === 200).length
      // What is asked again, because its connection was lost on a busy machine, may count twice.
      const twice = sum('upstream_rq_retry')
      assert.ok(
        admitted <= allowed && admitted >= allowed - twice,
        `${admitted} were admitted, ${twice} asked twice`,
      )
      assert.equal(await statusOf('last'), 200)
    })
  })
}
