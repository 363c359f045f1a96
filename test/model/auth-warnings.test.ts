import assert from 'node:assert/strict'
import { test } from 'node:test'
import { warningsOf } from '../../src/model/warnings.ts'
import { kinds } from '../../src/policies/index.ts'
import type { Written } from '../support/example.ts'
import { stateOf } from '../support/state-of.ts'

const jwks = {
  inline: '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}',
}
const policy = (name: string, spec: object): Written => ({ kind: 'AuthPolicy', name, spec: { ...spec } })
const believing = (name: string, issuer: string, more: object = {}) =>
  policy(name, { jwt: { issuer, jwks }, ...more })
const cluster: Written = { kind: 'Cluster', name: 'a', spec: { endpoints: [] } }
const gateway: Written = {
  ...{ kind: 'Gateway', name: 'edge' },
  spec: { listeners: [{ name: 'http', port: 10_000, protocol: 'http' }] },
}
const route = (spec: object): Written => ({
  ...{ kind: 'Route', name: 'desk' },
  spec: { gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: 'a' }], ...spec },
})

/** Of the document of that kind and name, when it is written. */
function told(kind: string, name: string, documents: Written[]): string[] {
  const state = stateOf([cluster, gateway, ...documents])!
  const { document } = state.objects.get(kind)!.get(name)!
  return warningsOf(kinds, [document], state).map((each) => {
    return `${each.kind}/${each.name} ${each.pointer}: ${each.message}; ${each.effect}`
  })
}

const staff = believing('staff', 'https://a.example')
const unmet =
  'Route/desk /spec/auth/1: AuthPolicy/partners asks for a token of another issuer than AuthPolicy/staff; ' +
  'no token is of both, so that every request is refused'

test('two issuers on one route are told to who writes the route, or one of the policies', () => {
  const documents = [
    staff,
    believing('partners', 'https://b.example'),
    route({ auth: ['staff', 'partners'] }),
  ]
  assert.deepEqual(told('Route', 'desk', documents), [unmet])
  assert.deepEqual(told('AuthPolicy', 'partners', documents), [unmet])
  assert.deepEqual(told('AuthPolicy', 'staff', documents), [unmet])
})

test('policies of one issuer, in shadow, without tokens, or on other routes, are told nothing', () => {
  for (const other of [
    believing('partners', 'https://a.example'),
    believing('partners', 'https://b.example', { mode: 'shadow' }),
    policy('partners', { allow: { ips: ['10.0.0.0/8'] } }),
  ]) {
    assert.deepEqual(told('Route', 'desk', [staff, other, route({ auth: ['staff', 'partners'] })]), [])
  }
  const apart = [staff, believing('partners', 'https://b.example'), route({ auth: ['staff'] })]
  assert.deepEqual(told('AuthPolicy', 'partners', apart), [])
})

test('a route that names a policy of which a part is not delivered is told that it answers 503', () => {
  const keys = policy('keys', { apiKey: { in: [{ header: 'x-api-key' }] } })
  const checked: Written = {
    kind: 'RequestPolicy',
    name: 'checked',
    spec: { openapi: { openapi: '3.1.0', paths: {} } },
  }
  const what = 'has a part that is not delivered to Envoy yet; every request gets a 503'
  assert.deepEqual(told('Route', 'desk', [staff, keys, route({ auth: ['staff', 'keys'] })]), [
    `Route/desk /spec/auth/1: AuthPolicy/keys ${what}`,
  ])
  assert.deepEqual(told('Route', 'desk', [checked, route({ request: 'checked' })]), [
    `Route/desk /spec/request: RequestPolicy/checked ${what}`,
  ])
})
