import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { counts, type QuickUpstream, sendMany, startQuickUpstream } from '../support/many-requests.ts'
import { until } from '../support/until.ts'

let edge: Edge
let upstreams: QuickUpstream[]

before(async () => {
  ;[edge, upstreams] = await Promise.all([
    startEdge(),
    Promise.all([startQuickUpstream('old'), startQuickUpstream('new')]),
  ])
})

after(async () => {
  await edge?.stop()
  await Promise.all((upstreams ?? []).map((upstream) => upstream.close()))
})

async function share(path: string): Promise<number> {
  return counts(await sendMany(edge.port, { count: 200, parallel: 1, path })).new! / 200
}

describe('slowStart', { concurrency: true }, () => {
  for (const policy of ['round_robin', 'least_request']) {
    test(`${policy}: the share of a new endpoint grows until it is whole`, async (context) => {
      const name = policy.replace('_', '-')
      const serve = (endpoints: QuickUpstream[]) =>
        edge.apply(
          cluster(name, endpoints, { loadBalancing: { policy, slowStart: '6s' } }),
          route(name, `/${name}`, { forward: [{ cluster: name }] }),
        )
      await serve(upstreams.slice(0, 1))
      const started = performance.now()
      // The first endpoint is new, too, until its own time is over.
      await until('it is no longer new', () => performance.now() - started > 6_000)
      await serve(upstreams)
      const first = await share(`/${name}`)
      context.diagnostic(`${Math.round(first * 100)}% at first`)
      assert.ok(first > 0.02 && first < 0.35)
      await until('its share is whole', async () => Math.abs((await share(`/${name}`)) - 0.5) < 0.05)
    })
  }
})
