import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../src/compile/compile.ts'
import { access } from '../../src/policies/auth/access.ts'
import { testLive } from '../support/live.ts'
import { stateOf } from '../support/state-of.ts'

const live = testLive()

/** The route configuration of a gateway with one route of that match. */
function routes(match: object): unknown {
  const state = stateOf([
    {
      kind: 'Gateway',
      name: 'edge',
      spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] },
    },
    { kind: 'Cluster', name: 'echo', spec: { endpoints: [] } },
    {
      kind: 'Route',
      name: 'echo',
      spec: {
        gateways: ['edge'],
        match: { path: { prefix: '/' }, ...match },
        forward: [{ cluster: 'echo' }],
      },
    },
  ])
  assert.ok(state !== undefined, JSON.stringify(match))
  const { resources } = compile(state, 'edge', live)
  const types = [...resources].filter(([type]) => type.endsWith('RouteConfiguration'))
  return types.flatMap(([, byName]) => [...byName.values()])
}

test('an empty list in a match asks for nothing, as if it were left out', () => {
  const without = routes({})
  assert.match(JSON.stringify(without), /"prefix":"\/"/)
  for (const list of ['methods', 'headers', 'query', 'cookies'])
    assert.deepEqual(routes({ [list]: [] }), without, list)
})

test('a rule without conditions, as rows of before may hold, is about every request', () => {
  const policies = [{ name: 'all', spec: { mode: 'enforce' as const, deny: { headers: [] } } }]
  const { rbac } = access(policies) as {
    rbac: { rules: { policies: Record<string, { principals: unknown[] }> } }
  }
  assert.deepEqual(rbac.rules.policies.all!.principals, [{ any: true }])
})
