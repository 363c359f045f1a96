import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { extentOf } from '../../src/compile/extent.ts'
import { mostLost } from '../../src/compile/most-lost.ts'
import { planWrite } from '../../src/model/plan-write.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { emptyState, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'
import { testLive } from '../support/live.ts'
import { stateOf } from '../support/state-of.ts'

const http = { name: 'http', port: 1, protocol: 'http' }
const other = { name: 'other', port: 2, protocol: 'http' }
const gateway = (name: string, spec: object = { listeners: [http] }) => ({ kind: 'Gateway', name, spec })
const route = (name: string, spec: object) => ({
  ...{ kind: 'Route', name },
  spec: { gateways: ['edge'], match: { path: { prefix: `/${name}` } }, ...spec },
})
const cluster = (name: string, size: number, more: object = {}) => ({
  ...{ kind: 'Cluster', name },
  spec: {
    endpoints: Array.from({ length: size }, (_, at) => ({ address: `10.0.0.${at + 1}`, port: 80 })),
    ...more,
  },
})
const forward = (...clusters: string[]) => ({ forward: clusters.map((cluster) => ({ cluster, weight: 1 })) })
const answer = { respond: { status: 204 } }

describe('what a gateway has', () => {
  const cases: [string, object[], { routes: number; endpoints: number }][] = [
    ['nothing, where it is not there', [gateway('inner')], { routes: 0, endpoints: 0 }],
    ['no routes', [gateway('edge'), cluster('a', 3)], { routes: 0, endpoints: 0 }],
    [
      'routes of the whole gateway and of one of its listeners, each once',
      [
        gateway('edge', { listeners: [http, other] }),
        gateway('inner', { listeners: [{ ...http, port: 3 }] }),
        route('a', { gateways: ['edge', 'edge/other'], ...answer }),
        route('b', { gateways: ['edge/http'], ...answer }),
        route('c', { gateways: ['inner'], ...answer }),
      ],
      { routes: 2, endpoints: 0 },
    ],
    [
      'endpoints of its clusters, each cluster once, drained ones and those of a weight of 0 included',
      [
        gateway('edge'),
        cluster('a', 3),
        cluster('b', 4),
        cluster('unused', 5),
        {
          kind: 'Cluster',
          name: 'leaving',
          spec: { endpoints: [{ address: '10.0.1.1', port: 1, draining: true }] },
        },
        route('a', forward('a', 'b')),
        route('b', {
          forward: [
            { cluster: 'a', weight: 1 },
            { cluster: 'leaving', weight: 0 },
          ],
        }),
      ],
      { routes: 2, endpoints: 8 },
    ],
    [
      'those of a mirror, and of the keys of a policy',
      [
        gateway('edge'),
        cluster('a', 1),
        cluster('m', 2),
        cluster('keys', 4),
        {
          kind: 'AuthPolicy',
          name: 'jwt',
          spec: {
            jwt: [
              { issuer: 'https://issuer', audiences: ['shop'], jwks: { cluster: 'keys', path: '/keys' } },
            ],
          },
        },
        route('a', { ...forward('a'), mirror: { cluster: 'm', percent: 1 }, auth: ['jwt'] }),
      ],
      { routes: 1, endpoints: 7 },
    ],
    [
      'host names, each once',
      [
        gateway('edge'),
        { kind: 'Cluster', name: 'a', spec: { endpoints: [{ address: 'a.internal', port: 1 }] } },
        route('a', forward('a')),
      ],
      { routes: 1, endpoints: 1 },
    ],
    [
      'those that it keeps for a time do not count',
      [gateway('edge'), cluster('a', 0, { emptyEndpointsGrace: '5m' }), route('a', forward('a'))],
      { routes: 1, endpoints: 0 },
    ],
    [
      'where the Envoys of the next tier are',
      [
        gateway('edge'),
        gateway('inner', { listeners: [{ ...http, port: 3, address: '0.0.0.0' }] }),
        { kind: 'Cluster', name: 'tier', spec: { gateway: { name: 'inner', listener: 'http' } } },
        route('a', forward('tier')),
      ],
      { routes: 1, endpoints: 2 },
    ],
  ]
  const envoy = { gateway: 'inner', node: 'inner-1', addresses: ['10.2.0.1', '10.2.0.2'], peer: '10.2.0.1' }
  const live = testLive({ announced: new Map([['inner', [envoy]]]) })
  for (const [title, documents, expected] of cases) {
    test(title, () => {
      const state = stateOf(documents)
      assert.ok(state, 'the documents are valid')
      assert.deepEqual(extentOf(state, 'edge', live), expected)
    })
  }
})

/** Objects over few names, so that writes meet the same ones. */
const objects = fc.oneof(
  fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(6)).map(([name, size]) => cluster(name, size)),
  fc
    .tuple(
      fc.constantFrom('r', 's', 't'),
      fc.constantFrom('edge', 'edge/http', 'inner'),
      fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
    )
    .map(([name, on, clusters]) => route(name, { gateways: [on], ...forward(...clusters) })),
  fc.subarray([http, other], { minLength: 1 }).map((listeners) => gateway('edge', { listeners })),
)
const write = fc.record({
  puts: fc.array(objects, { maxLength: 4 }),
  removes: fc.array(
    fc.constantFrom(
      ...['a', 'b', 'c'].map((name) => ['Cluster', name]),
      ...['r', 's', 't'].map((name) => ['Route', name]),
    ),
    { maxLength: 3 },
  ),
})

test('no write takes more from a gateway than is said to be the most', () => {
  const live = testLive()
  const started = stateOf([
    gateway('edge'),
    gateway('inner', { listeners: [{ ...http, port: 3 }] }),
    ...['a', 'b', 'c'].map((name) => cluster(name, 3)),
  ])!
  let made = 0
  let exact = 0
  fc.assert(
    fc.property(fc.array(write, { minLength: 1, maxLength: 12 }), (writes) => {
      let state: State = started
      for (const { puts, removes } of writes) {
        const unique = [...new Map(puts.map((each) => [`${each.kind}/${each.name}`, each])).values()]
        const edits = [
          ...unique.map((value) => ({
            op: 'put' as const,
            object: readDocument(kinds, value).document!,
            document: 0,
          })),
          ...removes
            .filter(([kind, name]) => !unique.some((each) => each.kind === kind && each.name === name))
            .map(([kind, name]) => ({ op: 'delete' as const, kind: kind!, name: name!, document: 0 })),
        ]
        const plan = planWrite(kinds, state, edits, { supervised: false, listenerAddress: '127.0.0.1' })
        if (plan.problems.length > 0) continue
        const most = mostLost(state, plan.next, plan.changes, live)
        for (const name of ['edge', 'inner']) {
          const [before, after] = [extentOf(state, name, live), extentOf(plan.next, name, live)]
          for (const what of ['routes', 'endpoints'] as const) {
            const lost = before[what] - after[what]
            assert.ok(lost <= most[what], `${lost} ${what} of ${name}, and at most ${most[what]}`)
            if (lost > 0 && lost === most[what]) exact++
          }
        }
        state = plan.next
        made++
      }
    }),
    { seed: 11, numRuns: 100 },
  )
  assert.ok(made > 100 && exact > 20, `${made} writes, of which ${exact} take what is said`)
  assert.deepEqual(mostLost(emptyState, emptyState, [], live), { routes: 0, endpoints: 0 })
})
