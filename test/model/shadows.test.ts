import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Document } from '../../src/model/document.ts'
import { warningsOf } from '../../src/model/warnings.ts'
import { parseYaml } from '../../src/model/yaml.ts'
import { kinds } from '../../src/policies/index.ts'
import { stateOf } from '../support/state-of.ts'

const base = `
kind: Gateway
name: edge
spec: { listeners: [{ name: http, port: 10000, protocol: http }, { name: other, port: 10001, protocol: http }] }
---
kind: Cluster
name: a
spec: { endpoints: [{ address: 127.0.0.1, port: 9001 }] }
`

interface RouteText {
  name: string
  owner?: string
  gateways?: string
  hosts?: string
  priority?: number
  match: string
}

function route({
  name,
  owner,
  gateways = '[edge]',
  hosts = '["*"]',
  priority = 0,
  match,
}: RouteText): string {
  const owned = owner === undefined ? '' : `owner: ${owner}\n`
  return `kind: Route\nname: ${name}\n${owned}spec: { gateways: ${gateways}, hosts: ${hosts}, priority: ${priority}, match: ${match}, forward: [{ cluster: a }] }`
}

/** The warnings that a writer of `written` gets, when all of `routes` are there. */
function told(routes: RouteText[], written = routes.map(({ name }) => name)): string[] {
  const documents = parseYaml([base, ...routes.map(route)].join('\n---\n')).values as Document[]
  const state = stateOf(documents)!
  const own = documents.filter(({ kind, name }) => kind === 'Route' && written.includes(name))
  return warningsOf(kinds, own, state).map(({ name, message }) => `${name} ${message}`)
}

const never = (name: string, other: string) =>
  `${name} can never match: Route/${other} is tried before it and takes all its requests`

describe('a route that can never match is told', () => {
  const cases: { title: string; routes: RouteText[]; says: string[] }[] = [
    {
      title: 'a regex below a prefix, since prefixes go first',
      routes: [
        { name: 'regex', match: '{ path: { regex: "/orders/[0-9]+" } }' },
        { name: 'wide', match: '{ path: { prefix: /orders } }' },
      ],
      says: [never('regex', 'wide')],
    },
    {
      title: 'not when it has a higher priority',
      routes: [
        { name: 'regex', priority: 1, match: '{ path: { regex: "/orders/[0-9]+" } }' },
        { name: 'wide', match: '{ path: { prefix: /orders } }' },
      ],
      says: [],
    },
    {
      title: 'a longer prefix below one of higher priority',
      routes: [
        { name: 'long', match: '{ path: { prefix: /a/b } }' },
        { name: 'short', priority: 1, match: '{ path: { prefix: /a/ } }' },
      ],
      says: [never('long', 'short')],
    },
    {
      title: 'not when only letters are common, and not segments',
      routes: [
        { name: 'long', match: '{ path: { prefix: /ab } }' },
        { name: 'regex', match: '{ path: { regex: "/abc.*" } }' },
        { name: 'short', priority: 1, match: '{ path: { prefix: /a } }' },
      ],
      says: [],
    },
    {
      title: 'the same path twice: the later name',
      routes: [
        { name: 'a', match: '{ path: { exact: /a } }' },
        { name: 'b', match: '{ path: { exact: /a } }' },
      ],
      says: [never('b', 'a')],
    },
    {
      title: 'not when a condition of the first need not hold',
      routes: [
        { name: 'a', match: '{ path: { exact: /a }, headers: [{ name: x, exact: "1" }] }' },
        { name: 'b', match: '{ path: { exact: /a } }' },
        { name: 'c', match: '{ path: { exact: /a }, methods: [GET] }' },
      ],
      says: [],
    },
    {
      title: 'when the first has fewer of its conditions',
      routes: [
        { name: 'a', priority: 1, match: '{ path: { exact: /a }, headers: [{ name: x, exact: "1" }] }' },
        {
          name: 'b',
          match:
            '{ path: { exact: /a }, methods: [GET], headers: [{ name: y, present: true }, { name: x, exact: "1", invert: false }] }',
        },
      ],
      says: [never('b', 'a')],
    },
    {
      title: 'not when it has a host, or a listener, of its own',
      routes: [
        { name: 'a', priority: 1, match: '{ path: { prefix: / } }' },
        { name: 'b', hosts: '["*", shop.example]', match: '{ path: { prefix: / } }' },
        { name: 'c', gateways: '[edge/other]', hosts: '[shop.example]', match: '{ path: { prefix: / } }' },
      ],
      says: [never('c', 'b')],
    },
  ]
  for (const { title, routes, says } of cases) {
    test(title, () => assert.deepEqual(told(routes), says))
  }

  test('to the writer of the other route, too, and once', () => {
    const routes = [
      { name: 'a', match: '{ path: { exact: /a } }' },
      { name: 'b', match: '{ path: { exact: /a } }' },
    ]
    assert.deepEqual(told(routes, ['a']), [never('b', 'a')])
    assert.deepEqual(told(routes, ['b']), [never('b', 'a')])
  })
})

describe('routes of two owners with one path are told', () => {
  const shared = [
    { name: 'a', owner: 'red', match: '{ path: { prefix: /a }, methods: [GET] }' },
    { name: 'b', owner: 'blue', match: '{ path: { prefix: /a/ } }' },
  ]
  test('with the one that is tried first', () => {
    assert.deepEqual(told(shared), ['b has the path of Route/a, which belongs to red'])
  })
  test('not when they belong to one, or take different methods', () => {
    assert.deepEqual(told(shared.map((each) => ({ ...each, owner: 'red' }))), [])
    const apart = [shared[0]!, { ...shared[1]!, match: '{ path: { prefix: /a }, methods: [PUT] }' }]
    assert.deepEqual(told(apart), [])
  })
})

test('a cluster that nothing names is told', () => {
  const documents = parseYaml(base).values as Document[]
  const state = stateOf(documents)!
  assert.deepEqual(
    warningsOf(kinds, documents, state).map(({ message, effect }) => `${message}: ${effect}`),
    ['nothing names Cluster/a: no route sends it requests'],
  )
})
