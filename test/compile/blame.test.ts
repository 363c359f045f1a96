import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blame } from '../../src/compile/blame.ts'
import type { Document } from '../../src/model/document.ts'

const document = (kind: string, name: string, spec: Record<string, unknown>): Document => {
  return { kind, name, labels: {}, owner: '', spec }
}
const route = (name: string, spec: Record<string, unknown>) => document('Route', name, spec)
const short = ({ document: { kind, name }, pointer, certain }: ReturnType<typeof blame>) =>
  `${kind}/${name} ${pointer}${certain ? '' : ' (a guess)'}`

describe('whom Envoy means', () => {
  const routes = [
    route('a', { match: { path: { prefix: '/a' } }, forward: [{ cluster: 'one' }] }),
    route('b', {
      match: { path: { regex: '/b/(x{9}){9}' } },
      headers: { request: { set: { 'x-odd': 'v' } } },
    }),
    route('c', { match: { path: { prefix: '/c' } }, timeout: '7s', hosts: ['shop.example'] }),
  ]

  test('is told by a value that it repeats', () => {
    const error = "regex '/b/(x{9}){9}' RE2 program size of 3251 > max program size of 100"
    assert.equal(short(blame(error, undefined, routes)), 'Route/b /spec/match/path/regex')
  })

  test('is told by a part of a value that it repeats', () => {
    const odd = route('d', { match: { path: { regex: '/d\\p{LC}' } } })
    const error = 'invalid character class range: \\p{LC}'
    assert.equal(short(blame(error, undefined, [...routes, odd])), 'Route/d /spec/match/path/regex')
  })

  test('is told by the name of a row', () => {
    const policies = ['staff', 'guests'].map((name) => {
      const jwks = { inline: '{"keys":[]}' }
      return document('AuthPolicy', name, { jwt: { issuer: 'https://id.example', jwks } })
    })
    const error = "Provider 'guests@bzceuKO51-Cx' in jwt_authn config has invalid local jwks: no keys"
    assert.equal(short(blame(error, undefined, policies)), 'AuthPolicy/guests /spec/jwt/jwks')
  })

  test('is told by a key that it repeats', () => {
    const error = 'header x-odd cannot be set'
    assert.equal(short(blame(error, undefined, routes)), 'Route/b /spec/headers/request/set/x-odd')
  })

  test('is told by the path of a failed constraint, and what is there', () => {
    const error =
      'Proto constraint validation failed (RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed ' +
      'validation | caused by VirtualHostValidationError.Routes[1]: embedded message failed validation | caused by ' +
      'RouteValidationError.Route: embedded message failed validation | caused by RouteActionValidationError.Timeout: ' +
      'value must be less than 5s)'
    const resource = {
      virtual_hosts: [
        { routes: [{ name: 'a' }, { name: 'c', route: { timeout: { seconds: 7, nanos: 0 } } }] },
      ],
    }
    assert.equal(short(blame(error, resource, routes)), 'Route/c /spec/timeout')
  })

  test('is a guess where nothing tells, or too many could be meant', () => {
    assert.match(short(blame('something is wrong', undefined, routes)), /a guess/)
    const alike = Array.from({ length: 9 }, (_, index) => route(`r${index}`, { hosts: ['shop.example'] }))
    assert.match(short(blame('duplicate domain shop.example', undefined, alike)), /a guess/)
  })

  test('is certain where there is one, whatever is said', () => {
    assert.equal(short(blame('no', undefined, [routes[0]!])), 'Route/a ')
  })

  test('is the field that it names beside the value by which it says which', () => {
    const policy = document('AuthPolicy', 'staff', {
      jwt: [{ issuer: 'https://login.example', jwks: { inline: '{}' }, audiences: ['x'] }],
    })
    const error = "Issuer 'https://login.example' in jwt_authn config has invalid local jwks: no keys"
    assert.equal(short(blame(error, undefined, [policy])), 'AuthPolicy/staff /spec/jwt/0/jwks')
  })

  test('is the part of a certificate that it names', () => {
    const certificate = document('Certificate', 'ca', { pem: { certificate: 'AAA', crl: 'BBB' } })
    assert.equal(
      short(blame('Failed to load CRL from <inline>', undefined, [certificate])),
      'Certificate/ca /spec/pem/crl',
    )
    const pair = document('Certificate', 'ca', {
      pem: { certificate: 'AAA', privateKey: { secretRef: 'x' } },
    })
    const error = 'Failed to load private key from <inline>'
    assert.equal(short(blame(error, undefined, [pair])), 'Certificate/ca /spec/pem/privateKey')
  })
})
