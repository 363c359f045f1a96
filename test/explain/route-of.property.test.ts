import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { explain } from '../../src/explain/explain.ts'
import type { State } from '../../src/model/state.ts'
import { arbitraryRequests, type Request } from '../support/arbitrary-requests.ts'
import { arbitraryRoutes, places } from '../support/arbitrary-routes.ts'
import { type MatchedRoute, match } from '../support/matcher-oracle.ts'
import { hasEscapedSlash, normalPath } from '../support/normal-path.ts'
import { stateOf } from '../support/state-of.ts'

const seed = Number(process.env.WEIR_SEED ?? 20_260_107)

const gateways = ['edge', 'other'].map((name) => ({
  kind: 'Gateway',
  name,
  spec: {
    listeners: places.flatMap(({ gateway, listener }, index) =>
      gateway === name ? [{ name: listener, port: 10_000 + index, protocol: 'http' }] : [],
    ),
  },
}))

function stateWith(routes: readonly MatchedRoute[]): State {
  const documents = routes.map(({ name, spec }) => ({
    kind: 'Route',
    name,
    spec: { ...spec, respond: { status: 200 } },
  }))
  const state = stateOf([...gateways, ...documents])
  assert.ok(state !== undefined, 'the documents are refused')
  return state
}

/** One line a header, as a client that speaks HTTP/1.1 writes it. */
function written({ headers, cookies, cookieLines }: Request): Record<string, string[]> {
  const byName = Map.groupBy(headers, ([name]) => name)
  const lines = [...byName].map(([name, pairs]): [string, string[]] => [
    name,
    pairs.map(([, value]) => value),
  ])
  const pairs = cookies.map(([name, value]) => `${name}=${value}`)
  const cookie = cookieLines || pairs.length === 0 ? pairs : [pairs.join('; ')]
  return Object.fromEntries([...lines, ...(cookie.length > 0 ? [['cookie', cookie] as const] : [])])
}

/** The route, or the status of an answer that none gave. */
async function explained(state: State, request: Request): Promise<string> {
  const { place, host, method, path } = request
  const question = { ...place, host, method, path, headers: written(request) }
  const result = await explain(state, question, () => assert.fail('no limit is to be asked'))
  assert.ok(result.explained !== undefined, JSON.stringify(result))
  return result.explained.route ?? String(result.explained.status)
}

function expected(routes: readonly MatchedRoute[], { place, ...request }: Request): string {
  if (hasEscapedSlash(request.path)) return '307'
  const asked = { ...request, path: normalPath(request.path) }
  return match(routes, place.gateway, place.listener, asked) ?? '404'
}

describe('the route that explain names', () => {
  for (const { count, requests, runs, wide } of [
    { count: 30, requests: 100, runs: 100, wide: false },
    { count: 400, requests: 300, runs: 4, wide: true },
  ]) {
    test(`is the one that docs/routing.md names, of ${count}`, async () => {
      let taken = 0
      const sample = arbitraryRoutes(count, wide).chain((routes) =>
        fc.tuple(fc.constant(routes), arbitraryRequests(routes, requests)),
      )
      for (const [routes, asked] of fc.sample(sample, { seed, numRuns: runs })) {
        const state = stateWith(routes)
        for (const request of asked) {
          const name = expected(routes, request)
          assert.equal(await explained(state, request), name, JSON.stringify(request))
          if (routes.some((route) => route.name === name)) taken++
        }
      }
      assert.ok(taken > (requests * runs) / 2, `${taken} of ${requests * runs} requests met a route`)
    })
  }
})
