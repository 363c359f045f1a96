import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compareHosts, widening } from '../../src/compile/routing/hosts.ts'
import { routeConfiguration } from '../../src/compile/routing/route-configuration.ts'
import type { GatewayRoute } from '../../src/compile/routing/routes-of.ts'
import type { GatewayContext } from '../../src/policies/policy-kind.ts'

const gateway = { name: 'edge', spec: { listeners: [], rateLimitService: {} } } as unknown as GatewayContext

function route(name: string, hosts: string[], prefix: string): GatewayRoute {
  const spec = {
    gateways: ['edge'],
    hosts,
    match: { path: { prefix } },
    forward: [{ cluster: 'c' }],
    rateLimits: [],
    priority: 0,
  }
  return {
    name,
    spec,
    closed: false,
    missing: [],
    listeners: new Set(),
    clusters: ['c'],
    breakers: [],
    policies: [],
    origins: [],
  }
}

interface VirtualHost {
  domains: string[]
  routes: { name: string; match: { prefix?: string; path_separated_prefix?: string } }[]
}

/** How Envoy picks: exact domain, longest suffix wildcard, `*`; then the first route that matches. */
function envoyPicks(virtualHosts: VirtualHost[], host: string, path: string): string | undefined {
  const ranked = virtualHosts
    .filter(
      ({ domains }) =>
        domains[0] === '*' ||
        domains[0] === host ||
        (domains[0]!.startsWith('*') &&
          host.endsWith(domains[0]!.slice(1)) &&
          host.length > domains[0]!.length - 1),
    )
    .sort(
      (a, b) =>
        Number(b.domains[0] === host) - Number(a.domains[0] === host) ||
        b.domains[0]!.length - a.domains[0]!.length,
    )
  return ranked[0]?.routes.find(({ match }) => {
    if (match.prefix !== undefined) return path.startsWith(match.prefix)
    const prefix = match.path_separated_prefix!
    return path === prefix || path.startsWith(`${prefix}/`)
  })?.name
}

/** The rule of interface.md, written without a look at compile: best host level that has a match, longest prefix, name. */
function ruleSays(routes: GatewayRoute[], host: string, path: string): string | undefined {
  const level = (pattern: string) =>
    pattern === host
      ? 1_000
      : pattern === '*'
        ? 0
        : host.endsWith(pattern.slice(1)) && host !== pattern.slice(2)
          ? pattern.length
          : -1
  const matches = routes.flatMap(({ name, spec }) => {
    const prefix = spec.match.path.prefix!.replace(/\/+$/, '')
    const hit = path === prefix || path.startsWith(`${prefix}/`)
    const best = Math.max(
      ...spec.hosts.map((pattern) =>
        pattern.startsWith('*.') || pattern === '*' || pattern === host ? level(pattern) : -1,
      ),
    )
    return hit && best >= 0 ? [{ name, best, length: prefix.length }] : []
  })
  matches.sort((a, b) => b.best - a.best || b.length - a.length || (a.name < b.name ? -1 : 1))
  return matches[0]?.name
}

describe('hosts', () => {
  test('a wildcard stands for every name below, not for the name itself', () => {
    assert.deepEqual(widening('a.b.example'), ['a.b.example', '*.b.example', '*.example', '*'])
    assert.deepEqual(widening('*.b.example'), ['*.b.example', '*.example', '*'])
    assert.deepEqual(widening('localhost'), ['localhost', '*'])
    assert.deepEqual(widening('*'), ['*'])
  })

  test('the most specific comes first', () => {
    const hosts = ['*', '*.example', 'a.example', '*.shop.example', 'shop.example']
    assert.deepEqual(hosts.sort(compareHosts), [
      'shop.example',
      'a.example',
      '*.shop.example',
      '*.example',
      '*',
    ])
  })
})

describe('routes of a listener', () => {
  const host = fc.constantFrom(
    '*',
    '*.example',
    '*.shop.example',
    'shop.example',
    'www.shop.example',
    'other.test',
  )
  const prefix = fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/a/b/c', '/b')
  const routes = fc
    .uniqueArray(
      fc.record({
        name: fc.stringMatching(/^[a-z]{1,3}$/),
        hosts: fc.uniqueArray(host, { minLength: 1, maxLength: 3 }),
        prefix,
      }),
      {
        selector: ({ name }) => name,
        minLength: 1,
        maxLength: 12,
      },
    )
    .map((all) => all.map(({ name, hosts, prefix }) => route(name, hosts, prefix)))
  const request = fc.record({
    host: fc.constantFrom(
      'shop.example',
      'www.shop.example',
      'a.www.shop.example',
      'example',
      'x.example',
      'other.test',
      'none',
    ),
    path: fc.constantFrom('/', '/a', '/a/', '/ab', '/abc', '/a/b', '/a/b/c/d', '/b', '/c'),
  })

  test('Envoy’s choice among them is the one that the rule says, in whatever order they were written', () => {
    fc.assert(
      fc.property(routes, fc.array(request, { minLength: 1, maxLength: 20 }), (all, requests) => {
        const { virtual_hosts } = routeConfiguration('edge/http', gateway, all) as {
          virtual_hosts: VirtualHost[]
        }
        const reversed = routeConfiguration('edge/http', gateway, [...all].reverse())
        assert.deepEqual(reversed.virtual_hosts, virtual_hosts)
        for (const { host, path } of requests) {
          assert.equal(envoyPicks(virtual_hosts, host, path), ruleSays(all, host, path), `${host}${path}`)
        }
      }),
      { numRuns: 500 },
    )
  })
})
