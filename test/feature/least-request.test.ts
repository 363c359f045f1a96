import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import { counts, type QuickUpstream, sendMany, startQuickUpstream } from '../support/many-requests.ts'

const requests = 10_000

let edge: Edge
let upstreams: QuickUpstream[]

before(async () => {
  ;[edge, upstreams] = await Promise.all([
    startEdge(),
    Promise.all([startQuickUpstream('fast', 10), startQuickUpstream('slow', 100)]),
  ])
})

after(async () => {
  await edge?.stop()
  await Promise.all((upstreams ?? []).map((upstream) => upstream.close()))
})

async function ratio(name: string, loadBalancing: object): Promise<number> {
  await edge.apply(
    cluster(name, upstreams, { loadBalancing: { policy: 'least_request', ...loadBalancing } }),
    route(name, `/${name}`, { forward: [{ cluster: name }] }),
  )
  const found = counts(await sendMany(edge.port, { count: requests, parallel: 48, path: `/${name}` }))
  return found.fast! / found.slow!
}

describe('least_request prefers the endpoint that is 10 times faster', { concurrency: true }, () => {
  // With two endpoints, one choice in four is the slower one twice: 3:1 is the most that two choices can do.
  test('by two choices: more than 2:1', async (context) => {
    const found = await ratio('two-choices', {})
    context.diagnostic(`${found.toFixed(2)}:1`)
    assert.ok(found > 2 && found < 4)
  })

  test('by the full scan: more than 5:1', async (context) => {
    const found = await ratio('full-scan', { selectionMethod: 'full_scan' })
    context.diagnostic(`${found.toFixed(2)}:1`)
    assert.ok(found > 5)
  })
})
