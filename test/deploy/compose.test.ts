import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { projectRoot } from '../../src/project-root.ts'
import { type ComposeTexts, composeTexts, parseComposeTexts } from '../support/compose/files.ts'
import { composeProblems } from '../support/compose/problems.ts'
import { composeVariables, readCompose } from '../support/compose/read.ts'

const texts = composeTexts()

describe('docker-compose.yml', () => {
  test('agrees with itself, with what it mounts, and with weir', () => {
    assert.deepEqual(composeProblems(parseComposeTexts(texts)), [])
  })

  for (const name of Object.keys(composeVariables)) {
    test(`stops with a clear message without ${name}`, () => {
      for (const value of [undefined, '']) {
        const variables = { ...composeVariables, [name]: value } as Record<string, string>
        assert.throws(() => readCompose(texts['docker-compose.yml'], variables), {
          message: `required variable ${name} is missing a value: is not set, see docs/compose.md`,
        })
      }
    })
  }

  test('its page names what it needs and where it is reached', () => {
    const page = readFileSync(join(projectRoot, 'docs', 'compose.md'), 'utf8')
    const required = [...texts['docker-compose.yml'].matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!)
    assert.deepEqual([...new Set(required)].sort(), Object.keys(composeVariables).sort())
    const written = [...page.matchAll(/^ {4}([A-Z_]+)=\$\(openssl rand/gm)].map(([, name]) => name!)
    assert.deepEqual(written.sort(), Object.keys(composeVariables).sort())
    const { services } = parseComposeTexts(texts).compose
    for (const [name, { ports = [] }] of Object.entries(services)) {
      assert.ok(page.includes(`\`${name}\``), name)
      for (const port of ports) assert.ok(page.includes(port.split(':')[1]!), port)
    }
  })

  const compose = 'docker-compose.yml'
  const documents = 'examples/compose/weir.yaml'
  const bootstrap = 'deploy/envoy/edge.yaml'
  const collector = 'deploy/collector.yaml'
  /** What is replaced in a file, at its first place, by what, and how the problem begins that is found then. */
  const faults: [file: keyof ComposeTexts, from: string, to: string, problem: string][] = [
    [compose, 'weir:0.1.0', 'weir:0.2.0', 'weir: weir:0.2.0 is not pinned'],
    [compose, '0.152.0', 'latest', 'collector: otel/opentelemetry-collector:latest is not pinned'],
    [compose, '"65532:65532"', '"0:0"', 'weir: its user is not a number, or root'],
    [compose, 'read_only: true', 'read_only: false', 'postgres: its file system can be written'],
    [compose, 'cap_drop: [ALL]', 'cap_drop: [NET_RAW]', 'valkey: it keeps capabilities'],
    [compose, 'no-new-privileges:true', 'no-new-privileges:false', 'echo: it may gain privileges'],
    [compose, 'mem_limit: 512m', 'shm_size: 512m', 'weir: it has no mem_limit'],
    [compose, 'init: true', 'privileged: true', 'edge-1: it has privileged'],
    [compose, './deploy/collector.yaml', './deploy/otel.yaml', 'collector: ./deploy/otel.yaml is not there'],
    [
      compose,
      './deploy/envoy:/etc/weir:ro',
      './deploy/envoy:/etc/weir',
      'edge-2: ./deploy/envoy is mounted for writing',
    ],
    [compose, 'weir-data:/var', 'data:/var', 'weir: the volume data is not there'],
    [compose, 'weir-data:/var', 'data:/var', 'weir-data: no service has it'],
    [compose, '/etc/weir/ready.sh', '/etc/weir/healthy.sh', 'edge-1: /etc/weir/healthy.sh is not in it'],
    [
      compose,
      'WEIR_CONFIG: /etc/weir/documents',
      'WEIR_CONFIG: /etc/weir/config',
      'weir: /etc/weir/config is not in it',
    ],
    [compose, 'networks: [services]', 'networks: [service]', 'echo: the network service is not there'],
    [compose, '"127.0.0.1:8080:8080"', '"8080:8080"', 'weir: a port is published to other machines'],
    [compose, '127.0.0.1:8080:8080', '127.0.0.1:18000:18000', 'weir: it does not serve 18000'],
    [
      compose,
      'postgres: { condition',
      'database: { condition',
      'weir: database, which it needs, is not there',
    ],
    [
      compose,
      'echo: { condition',
      'collector: { condition',
      'edge-1: collector, which it needs, is only in a profile',
    ],
    [compose, 'service_started', 'service_healthy', 'edge-1: echo, which it needs, has no health check'],
    [compose, '127.0.0.1:10001:', '127.0.0.1:10000:', 'a port of this machine is published twice'],
    [compose, 'services: {}', 'services: {}\n  spare: {}', 'spare: no service is on it'],
    [compose, 'WEIR_CONFIG:', 'WEIR_CACHE: valkey\n      WEIR_CONFIG:', 'weir: it does not know WEIR_CACHE'],
    [compose, 'redis://valkey:6379', 'redis://cache:6379', 'weir: REDIS_URL leads nowhere'],
    [compose, 'noeviction]', 'allkeys-lru]', 'weir: counters are evicted'],
    [
      compose,
      'WEIR_INSECURE: "true"',
      'WEIR_INSECURE: "false"',
      'weir: WEIR_XDS_ADDR binds 0.0.0.0, which others can reach, without TLS.',
    ],
    [compose, '@postgres:5432', '@valkey:5432', 'weir: DATABASE_URL leads nowhere'],
    [compose, 'postgres://weir:', 'postgres://root:', 'weir: DATABASE_URL does not open postgres'],
    [compose, '5432/weir', '5432/postgres', 'weir: DATABASE_URL names another database'],
    [compose, 'ADDR: weir:18001', 'ADDR: weir:18000', 'weir: WEIR_RLS_ENVOY_ADDR leads nowhere'],
    [compose, 'control: { internal: true }', 'control: {}', 'weir: xDS is on an open network'],
    [compose, 'networks: [services]', 'networks: [services, control]', 'weir: the echo can reach it'],
    [compose, 'stop_grace_period: 20s', 'stop_grace_period: 15s', 'weir: it is killed before it has ended'],
    [compose, '- postgres-data:', '- ./deploy:', 'weir: postgres keeps nothing'],
    [compose, ':v1.40.0', ':v1.39.0', 'edge-1: it is not the Envoy that weir is made for'],
    [
      compose,
      '/etc/weir/entrypoint.sh',
      '/etc/weir/ready.sh',
      'edge-1: it does not drain when it is stopped',
    ],
    [compose, '- edge-2', '- edge-1', 'edge-2: its id in the fleet is not its name'],
    [
      compose,
      '- --reject-unknown-dynamic-fields',
      '- --allow-unknown-fields',
      'edge-1: it ignores what it does not know',
    ],
    [compose, 'stop_grace_period: 25s', 'stop_grace_period: 15s', 'edge-1: it is killed while it drains'],
    [compose, 'ENVOY_DRAIN_SECONDS', 'ENVOY_DRAIN_S', 'edge-1: its scripts do not know ENVOY_DRAIN_S'],
    [bootstrap, 'cluster: edge', 'cluster: egde', 'edge-1: the gateway egde is not written'],
    [bootstrap, 'address: weir', 'address: wier', 'edge-1: its xDS server is not weir'],
    [bootstrap, 'port_value: 18000', 'port_value: 18001', 'edge-1: its xDS server has another port'],
    [bootstrap, 'port_value: 9901', 'port_value: 9902', 'edge-1: its admin port differs'],
    [documents, 'port: 10000', 'port: 10002', 'edge-2: its listeners are not published'],
    [documents, 'address: echo, port: 8080', 'address: echo, port: 8081', 'echo: its port is not 8081'],
    [documents, 'address: echo', 'address: ecco', 'ecco: an endpoint, and no service'],
    [documents, 'protocol: http2', 'protocol: http1', 'collector: gRPC needs http2'],
    [documents, 'collector: collector }', 'collector: echo }', 'collector: no gateway sends spans to it'],
    [compose, 'networks: [services]', 'networks: [admin]', 'echo: out of reach'],
    [collector, '4317', '4318', 'collector: its port is not 4317'],
  ]
  for (const [file, from, to, problem] of faults) {
    test(`${file}: ${from} as ${JSON.stringify(to)}: ${problem}`, () => {
      const changed = { ...texts, [file]: texts[file].replace(from, to) }
      assert.notEqual(changed[file], texts[file])
      const found = composeProblems(parseComposeTexts(changed))
      assert.ok(
        found.some((each) => each.startsWith(problem)),
        JSON.stringify(found),
      )
    })
  }
})
