import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runtime } from '../../src/bootstrap/bootstrap.ts'
import type { Compiled } from '../../src/compile/compile.ts'
import { struct } from '../../src/envoy-api/build.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { encode } from '../../src/envoy-api/protos.ts'
import { type Message, type Resources, typeUrls } from '../../src/envoy-api/types.ts'
import { inClear } from '../../src/secrets/in-clear.ts'
import { createXdsServer } from '../../src/xds/server.ts'
import { envoyBinary, startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { goldenCases, outcome } from './golden-cases.ts'

const loadable = goldenCases().flatMap(({ title, input }) => {
  const result = outcome(input)
  if ('problems' in result) return []
  return [...result.gateways].map(([gateway, compiled]) => ({
    title: `${title}, gateway ${gateway}`,
    gateway,
    compiled,
  }))
})

/**
 * The one normalisation between what is served and what a static bootstrap can hold: routes, endpoints, filters' configurations and secrets,
 * which Envoy would fetch by ADS, are put where they are named. `--mode validate` opens no connection.
 */
function staticBootstrap({ resources }: Compiled): Message {
  const routes = resources.get(typeUrls.route)!
  const endpoints = resources.get(typeUrls.endpoints)!
  const listeners = [...resources.get(typeUrls.listener)!.values()].map((listener) =>
    byStaticSecrets(
      replaceKey(
        replaceKey(listener, 'rds', (rds) => ['route_config', routes.get(rds.route_config_name as string)!]),
        'config_discovery',
        (discovery) => ['typed_config', extensionOf(resources, discovery)],
      ),
    ),
  )
  const secrets = [...resources.get(typeUrls.secret)!.values()].map(cleared)
  const clusters = [...resources.get(typeUrls.cluster)!].map(([name, cluster]) => {
    if (cluster.type !== 'EDS') return byStaticSecrets(cluster)
    const { eds_cluster_config: _, ...rest } = byStaticSecrets(cluster)
    return { ...rest, type: 'STATIC', load_assignment: endpoints.get(name) }
  })
  return {
    node: { id: 'golden', cluster: 'golden' },
    static_resources: { listeners, clusters, secrets },
    layered_runtime: { layers: [{ name: 'weir', static_layer: struct(runtime) }] },
  }
}

/** No two of the filters that come by ECDS are of one type. */
function extensionOf(resources: Resources, { type_urls }: Message): Message {
  const [type] = type_urls as string[]
  const configs = [...resources.get(typeUrls.extension)!.values()].map((each) => each.typed_config as Message)
  return configs.find((config) => config['@type'] === type)!
}

/** A secret that is named without a source is one of the bootstrap. */
function byStaticSecrets(message: Message): Message {
  return replaceKey(message, 'sds_config', () => ['sds_config', undefined as unknown as Message])
}

/** With the clear texts in place, as a secret goes to an Envoy. */
function cleared(value: unknown): Message {
  if (typeof value !== 'object' || value === null) return value as Message
  const text = inClear(value)
  if (text !== undefined) return text as unknown as Message
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleared(item)]))
}

function replaceKey(value: unknown, key: string, by: (value: Message) => [string, Message]): Message {
  if (Array.isArray(value)) return value.map((item) => replaceKey(item, key, by)) as unknown as Message
  if (typeof value !== 'object' || value === null) return value as Message
  const entries = Object.entries(value).map(([name, item]) =>
    name === key ? by(item as Message) : [name, replaceKey(item, key, by)],
  )
  return Object.fromEntries(entries)
}

/** Where keys are asked for, nobody answers here. */
const complaint = /^\[[^\]]*\]\[\d+\]\[(warning|error|critical)\](?!.*\bjwks_(async_)?fetcher\.cc).*/gm

describe('Envoy accepts every golden output without a warning, by --mode validate', () => {
  for (const { title, compiled } of loadable) {
    test(title, () => {
      const folder = mkdtempSync(join(tmpdir(), 'weir-golden-'))
      try {
        const file = join(folder, 'bootstrap.pb')
        writeFileSync(file, encode('envoy.config.bootstrap.v3.Bootstrap', staticBootstrap(compiled)))
        const args = ['--mode', 'validate', '-c', file, '--log-level', 'warning']
        const { status, stderr } = spawnSync(envoyBinary(), args, { encoding: 'utf8', timeout: 30_000 })
        assert.equal(status, 0, stderr)
        assert.deepEqual(stderr.match(complaint) ?? [], [])
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  }
})

describe('Envoy accepts every golden output without a warning, over xDS', () => {
  const xds = createXdsServer({ observe: () => undefined })
  let envoy: TestEnvoy
  let revision = 0

  before(async () => {
    xds.publish({ gateway: 'golden', revision, resources: new Map() })
    const { port } = await xds.listen('127.0.0.1:0')
    envoy = await startTestEnvoy({ gateway: 'golden', xdsPort: port })
  })

  after(async () => {
    await envoy?.stop()
    await xds.close(1_000)
  })

  for (const { title, compiled } of loadable) {
    test(title, async () => {
      const logged = envoy.log().length
      xds.publish({
        gateway: 'golden',
        revision: ++revision,
        resources: encodeResources(compiled.resources, inClear),
      })
      const question = { revision, gateways: ['golden'], expected: [{ gateway: 'golden', id: envoy.id }] }
      const delivery = await xds.fleet.whenDelivered(question, { timeoutMs: 20_000 })
      assert.equal(delivery.state, 'acked', JSON.stringify(delivery))
      assert.deepEqual(envoy.log().slice(logged).match(complaint) ?? [], [])
      const dumped = JSON.stringify(await envoy.configDump())
      for (const byName of compiled.resources.values()) {
        for (const name of byName.keys())
          assert.ok(dumped.includes(JSON.stringify(name)), `${name} is in force`)
      }
    })
  }

  test('a warning would be seen', () => {
    assert.match(`[2026-01-01 00:00:00.000][1][warning][config] [x.cc:1] text`, complaint)
  })
})
