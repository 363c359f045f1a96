import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { envoyFlags } from '../../src/bootstrap/bootstrap.ts'
import { issue } from '../support/certificate.ts'
import { weir } from '../support/run-weir.ts'

const execute = promisify(execFile)
const envoyBin = process.env.ENVOY_BIN ?? ''

interface Rule {
  predicate: {
    not_matcher: { single_predicate: { value_match: { prefix?: string; safe_regex?: { regex: string } } } }
  }
}

describe('weir envoy', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-bootstrap-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  test('bootstrap 0: either variant of ADS, delta unless another is asked for', async () => {
    const typeOf = async (...args: string[]) => {
      const { stdout } = await weir(['envoy', 'bootstrap', '-g', 'edge', ...args, '-o', 'json'])
      return JSON.parse(stdout).dynamic_resources.ads_config.api_type
    }
    assert.equal(await typeOf(), 'DELTA_GRPC')
    assert.equal(await typeOf('--protocol', 'sotw'), 'GRPC')
    assert.equal((await weir(['envoy', 'bootstrap', '-g', 'edge', '--protocol', 'rest'])).code, 2)
  })

  test('bootstrap 0: where it runs, so that clusters may prefer its zone', async () => {
    const printed = async (...args: string[]) => {
      const { stdout } = await weir(['envoy', 'bootstrap', '-g', 'edge', ...args, '-o', 'json'])
      return JSON.parse(stdout)
    }
    const nowhere = await printed()
    assert.equal(nowhere.node.locality, undefined)
    assert.equal(nowhere.cluster_manager, undefined)
    const somewhere = await printed('--zone', 'eu-1a', '--region', 'eu-1', '--sub-zone', 'rack-7')
    const locality = { region: 'eu-1', zone: 'eu-1a', sub_zone: 'rack-7' }
    assert.deepEqual(somewhere.node.locality, locality)
    const { local_cluster_name: name } = somewhere.cluster_manager
    const own = somewhere.static_resources.clusters.find((each: { name: string }) => each.name === name)
    assert.deepEqual(own.load_assignment.endpoints[0].locality, locality)
    const { code, stderr } = await weir(['envoy', 'bootstrap', '-g', 'edge', '--region', 'eu-1'])
    assert.equal(code, 2)
    assert.match(stderr, /--region and --sub-zone say more of --zone/)
  })

  test('bootstrap 0: it tells weir of health as much as is asked for', async () => {
    const names = [
      'http.edge/http@127.0.0.1:80.downstream_rq_5xx',
      'cluster.shop.v1.membership_healthy',
      'cluster.shop.v1.endpoint.10_0_0_1_80.healthy',
      'cluster.shop.v1.upstream_cx_active',
    ]
    const told = async (...args: string[]) => {
      const { stdout } = await weir(['envoy', 'bootstrap', '-g', 'edge', ...args, '-o', 'json'])
      const [sink] = JSON.parse(stdout).stats_sinks
      const rules: string[] = sink.typed_config.custom_metric_conversions.matcher_list.matchers.map(
        (rule: Rule) => {
          const { prefix, safe_regex } = rule.predicate.not_matcher.single_predicate.value_match
          return prefix === undefined ? `^(?:${safe_regex!.regex})$` : `^${prefix}`
        },
      )
      return names.filter((name) => rules.every((rule) => new RegExp(rule).test(name)))
    }
    assert.deepEqual(await told(), names.slice(0, 3))
    assert.deepEqual(await told('--health-stats', 'clusters'), names.slice(0, 2))
    assert.deepEqual(await told('--health-stats', 'none'), names.slice(0, 1))
  })

  test('bootstrap 0: labels, addresses, the admin port and the xDS address of the environment', async () => {
    const args = [
      '--label',
      'track=canary',
      '--label',
      'zone=a=b',
      '--address',
      '10.0.0.1',
      '--address',
      '::1',
      '--admin-port',
      '9901',
    ]
    const { stdout } = await weir(['envoy', 'bootstrap', '-g', 'edge', ...args, '-o', 'json'], {
      environment: { WEIR_XDS_ADDR: '[::1]:19000' },
    })
    const value = JSON.parse(stdout)
    assert.equal(value.node.id, `edge-${hostname()}`)
    assert.deepEqual(value.node.metadata, {
      gateway: 'edge',
      labels: { track: 'canary', zone: 'a=b' },
      addresses: ['10.0.0.1', '::1'],
    })
    assert.equal(value.admin.address.socket_address.port_value, 9901)
    const [cluster] = value.static_resources.clusters
    const { socket_address } = cluster.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address
    assert.deepEqual(socket_address, { address: '::1', port_value: 19_000 })
  })

  test('bootstrap 0: what it may take, which is that of Envoy’s guide unless something else is written', async () => {
    const boundsOf = async (...args: string[]) => {
      const { stdout } = await weir(['envoy', 'bootstrap', '-g', 'edge', ...args, '-o', 'json'])
      const monitors: { typed_config: Record<string, unknown> }[] =
        JSON.parse(stdout).overload_manager.resource_monitors
      return monitors.map(({ typed_config: { '@type': _, ...bound } }) => Object.values(bound)[0])
    }
    assert.deepEqual(await boundsOf(), [50_000, 2 * 1024 ** 3])
    assert.deepEqual(await boundsOf('--max-connections', '7', '--max-heap', '512MiB'), [7, 512 * 1024 ** 2])
  })

  test('bootstrap 0: several replicas, and a place for balancers to ask, which Envoy accepts', async () => {
    const args = ['--xds', 'weir-1:18000,127.0.0.1:18001', '--health-address', '127.0.0.1:19001']
    const { stdout } = await weir(['envoy', 'bootstrap', '-g', 'edge', ...args, '-o', 'json'])
    const { clusters, listeners } = JSON.parse(stdout).static_resources
    const addresses = clusters[0].load_assignment.endpoints[0].lb_endpoints.map(
      ({ endpoint }: { endpoint: { address: { socket_address: object } } }) =>
        endpoint.address.socket_address,
    )
    assert.equal(clusters[0].type, 'STRICT_DNS')
    assert.deepEqual(addresses, [
      { address: 'weir-1', port_value: 18_000 },
      { address: '127.0.0.1', port_value: 18_001 },
    ])
    assert.deepEqual(listeners[0].address.socket_address, { address: '127.0.0.1', port_value: 19_001 })
    const file = join(folder, 'health.json')
    writeFileSync(file, stdout)
    const { stderr } = await execute(envoyBin, ['--mode', 'validate', '-c', file, ...envoyFlags])
    assert.doesNotMatch(stderr, /\[(?:warning|error|critical)\]/)
  })

  for (const args of [
    [],
    ['--gateway', 'Edge'],
    ['--gateway', 'edge', '--id', 'a b'],
    ['--gateway', 'edge', '--label', 'track'],
    ['--gateway', 'edge', '--address', 'host'],
    ['--gateway', 'edge', '--admin-port', '65536'],
    ['--gateway', 'edge', '--xds', 'weir'],
    ['--gateway', 'edge', '--xds', '0.0.0.0:18000'],
    ['--gateway', 'edge', '--xds', 'a:18000,'],
    ['--gateway', 'edge', '--max-connections', '0'],
    ['--gateway', 'edge', '--max-heap', '512'],
    ['--gateway', 'edge', '--max-heap', '1MiB'],
    ['--gateway', 'edge', '--health-address', '19001'],
    ['--gateway', 'edge', '--health-address', 'localhost:19001'],
    ['--gateway', 'edge', '--xds-cert', 'edge.pem', '--xds-ca', 'ca.pem'],
    ['--gateway', 'edge', '--xds-cert', 'edge.pem', '--xds-key', 'edge.key'],
    ['--gateway', 'edge', '--xds-server-name', 'weir'],
    ['--gateway', 'edge', '--xds-secrets', '/etc/envoy/weir'],
  ]) {
    test(`bootstrap 2: ${args.join(' ')}`, async () => {
      const { code, stderr, stdout } = await weir(['envoy', 'bootstrap', ...args])
      assert.deepEqual([code, stdout], [2, ''])
      assert.notEqual(stderr, '')
    })
  }

  test('Envoy accepts each way to show who it is, and reads what `envoy secrets` wrote', async () => {
    const ca = issue({ commonName: 'CA', isCa: true })
    const own = issue({ commonName: 'edge', names: ['weir://gateway/edge'], issuer: ca })
    const put = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const trusted = ['--xds-ca', put('ca.pem', ca.certificate)]
    const pair = ['--xds-cert', put('e.pem', own.certificate), '--xds-key', put('e.key', own.privateKey)]
    const token = ['--xds-token-file', put('token', 'weir_xds_x')]
    const into = join(folder, 'secrets')
    const written = await weir(['envoy', 'secrets', ...trusted, ...pair, ...token, '--into', into])
    assert.deepEqual(
      [written.code, written.stdout.split('\n')],
      [0, ['ca', 'certificate', 'token'].map((name) => join(into, `weir_xds_${name}.json`)).concat('')],
    )
    for (const access of [trusted, [...trusted, ...pair], [...trusted, ...token], token]) {
      for (const watched of [[], ['--xds-secrets', into]]) {
        const args = ['envoy', 'bootstrap', '-g', 'edge', '--xds-server-name', 'weir.example', ...access]
        const plain = access === token ? args.toSpliced(4, 2) : args
        const { stdout, stderr } = await weir([...plain, ...watched])
        assert.equal(stderr, '')
        const validated = await execute(envoyBin, [
          '--mode',
          'validate',
          '-c',
          put('x.yaml', stdout),
          ...envoyFlags,
        ])
        assert.match(validated.stdout, /OK/)
        assert.doesNotMatch(validated.stderr, /\[(?:warning|error|critical)\]/)
      }
    }
  })

  test('secrets 2: nothing to watch, and secrets 1: nowhere to write', async () => {
    assert.equal((await weir(['envoy', 'secrets', '--into', folder])).code, 2)
    const ca = ['--xds-ca', 'ca.pem']
    const { code, stderr } = await weir(['envoy', 'secrets', ...ca, '--into', '/dev/null/x'])
    assert.deepEqual([code, /weir_xds_ca\.json cannot be written/.test(stderr)], [1, true])
  })

  test('Envoy accepts what it prints, with the flags that it prints', async () => {
    const { stdout } = await weir([
      'envoy',
      'bootstrap',
      '--gateway',
      'edge',
      '--label',
      'a=b',
      '--address',
      '127.0.0.1',
    ])
    const file = join(folder, 'edge.yaml')
    writeFileSync(file, stdout)
    assert.ok(stdout.includes(`#   envoy -c edge.yaml ${envoyFlags.join(' ')}\n`))
    const validated = await execute(envoyBin, ['--mode', 'validate', '-c', file, ...envoyFlags])
    assert.match(validated.stdout, /OK/)
    assert.doesNotMatch(validated.stderr, /\[(?:warning|error|critical)\]/)
  })

  test('install 0: the one that is there', async () => {
    const { code, stdout, stderr } = await weir(['envoy', 'install'], {
      environment: { ENVOY_BIN: envoyBin },
    })
    assert.deepEqual([code, stdout, stderr], [0, `${envoyBin}\n`, ''])
  })

  test('install 1: an ENVOY_BIN that is none', async () => {
    const { code, stderr } = await weir(['envoy', 'install'], {
      environment: { ENVOY_BIN: process.execPath },
    })
    assert.equal(code, 1)
    assert.match(stderr, /is not an Envoy 1.40/)
  })
})
