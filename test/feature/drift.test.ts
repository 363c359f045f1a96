import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { compareDump } from '../../src/control/drift/compare.ts'
import type { ConfigDump } from '../../src/control/drift/config-dump.ts'
import type { ServedResource } from '../../src/xds/served-config.ts'
import { issue } from '../support/certificate.ts'
import { cluster, type Edge, gateway, route, startEdge } from '../support/edge.ts'
import { freePort } from '../support/ports.ts'
import { until } from '../support/until.ts'

/** Something of every kind of resource, with what Envoy shows otherwise than it was sent. */
async function documents(port: number): Promise<object[]> {
  const endpoint = { address: '127.0.0.1', port: 9 }
  const spec = {
    listeners: [
      { name: 'http', port, protocol: 'http', maxConnections: 100 },
      { name: 'https', port: await freePort(), protocol: 'https', tls: { certificates: ['shop'] } },
    ],
    tracing: { provider: 'otlp', collector: 'named', sample: 10 },
  }
  const { certificate, privateKey } = issue({ commonName: 'shop' })
  return [
    { ...gateway(port, {}), spec },
    {
      kind: 'Certificate',
      name: 'shop',
      spec: { pem: { certificate, privateKey } },
    },
    cluster('a', { port: 9 }),
    {
      kind: 'Cluster',
      name: 'full',
      spec: {
        endpoints: [
          { ...endpoint, weight: 3, priority: 10, locality: { region: 'eu', zone: 'eu-1' } },
          { ...endpoint, port: 10, draining: true },
        ],
        loadBalancing: { policy: 'ring_hash', hash: [{ on: 'header', name: 'x-user' }] },
      },
    },
    cluster('checked', { port: 9 }, { healthCheck: { type: 'http', path: '/', interval: '1h' } }),
    { kind: 'Cluster', name: 'named', spec: { endpoints: [{ address: 'localhost', port: 9 }] } },
    cluster('empty', []),
    {
      kind: 'AuthPolicy',
      name: 'jwt',
      spec: { jwt: { issuer: 'https://issuer', audiences: ['shop'], jwks: { cluster: 'a', path: '/keys' } } },
    },
    {
      kind: 'RateLimitPolicy',
      name: 'limit',
      spec: { algorithm: 'fixed_window', limit: 5, window: '1m', key: [{ header: 'x-user' }] },
    },
    route('all', '/', {
      forward: ['full', 'checked', 'empty'].map((cluster) => ({ cluster })),
      auth: ['jwt'],
      rateLimits: ['limit'],
      retry: { on: ['connect_failure'], attempts: 2 },
      headers: { response: { set: { 'x-seen': '%REQ(:path)%' } } },
    }),
  ]
}

for (const protocol of ['delta', 'sotw'] as const) {
  describe(`an Envoy over ${protocol} that has what it should have`, () => {
    let edge: Edge
    before(async () => {
      edge = await startEdge({}, { protocol })
      await edge.apply(...(await documents(edge.port)))
      await until('nothing warms', async () => (await deviations()).length === 0).catch(async () => {
        assert.deepEqual(await deviations(), [])
      })
    })
    after(() => edge?.stop())

    const served = async () =>
      (await edge.weir.api('GET', '/v1/fleet/edge-1/config')).body.resources as ServedResource[]
    const deviations = async (change: (dump: Dump) => void = () => {}) => {
      const dump = (await edge.envoy.configDump()) as unknown as Dump
      change(dump)
      return compareDump(await served(), dump as ConfigDump, protocol)
    }

    test('deviates in nothing, by its words and by its config_dump, in any type of resource', async () => {
      assert.deepEqual(await deviations(), [])
      const { body } = await edge.weir.api('GET', '/v1/fleet/edge-1/drift')
      assert.deepEqual(
        body.xds.map(({ deviations }: { deviations: unknown[] }) => deviations),
        [[]],
      )
      assert.equal(body.configDump, null, 'weir does not run it')
      const types = new Set((await served()).map(({ type }) => type))
      assert.deepEqual([...types].sort(), [
        'cluster',
        'endpoints',
        'extension',
        'listener',
        'route',
        'secret',
      ])
    })

    const changes: [string, string, (dump: Dump) => void][] = [
      [
        'a cluster that is missing',
        'cluster a missing',
        (dump) => drop(dump, 'Clusters', 'dynamic_active_clusters', 'cluster', 'a'),
      ],
      [
        'routes that are missing',
        'route edge/http missing',
        (dump) => drop(dump, 'Routes', 'dynamic_route_configs', 'route_config', 'edge/http'),
      ],
      [
        'a cluster that nobody sent',
        'cluster stray unexpected',
        (dump) =>
          section(dump, 'Clusters', 'dynamic_active_clusters').push({
            version_info: '7',
            cluster: { name: 'stray' },
          }),
      ],
      [
        'a static listener beside those of the bootstrap',
        'listener backdoor unexpected',
        (dump) => section(dump, 'Listeners', 'static_listeners').push({ listener: { name: 'backdoor' } }),
      ],
      [
        'another weight of an endpoint',
        'endpoints full other_content',
        (dump) => {
          const each = section(dump, 'Endpoints', 'dynamic_endpoint_configs').map(
            ({ endpoint_config }) => endpoint_config as Assignment,
          )
          each.find(({ cluster_name }) => cluster_name === 'full')!.endpoints[0]!
            .lb_endpoints[0]!.load_balancing_weight = 4
        },
      ],
      [
        'another field of a listener',
        `listener edge/http ${protocol === 'delta' ? 'other_version' : 'other_content'}`,
        (dump) => {
          const states = section(dump, 'Listeners', 'dynamic_listeners').map(
            ({ active_state }) => active_state as { version_info: string; listener: Record<string, unknown> },
          )
          const state = states.find(({ listener }) => String(listener.name).startsWith('edge/http@'))!
          state.version_info = 'older'
          state.listener.per_connection_buffer_limit_bytes = 1
        },
      ],
    ]
    for (const [title, expected, change] of changes) {
      test(`${title} is told`, async () => {
        const found = (await deviations(change)).map(
          ({ type, name, is }) => `${type} ${name.replace(/@.*/, '')} ${is}`,
        )
        assert.deepEqual(found, [expected])
      })
    }
  })
}

interface Dump {
  configs: { '@type': string; [section: string]: unknown }[]
}

interface Assignment {
  cluster_name: string
  endpoints: { lb_endpoints: { load_balancing_weight: number }[] }[]
}

type Item = Record<string, unknown>

function section(dump: Dump, config: string, name: string): Item[] {
  const found = dump.configs.find((each) => each['@type'].endsWith(`.${config}ConfigDump`))!
  found[name] ??= []
  return found[name] as Item[]
}

function drop(dump: Dump, config: string, list: string, part: string, name: string): void {
  const items = section(dump, config, list)
  items.splice(
    items.findIndex((item) => (item[part] as Item).name === name),
    1,
  )
}
