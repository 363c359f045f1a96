import assert from 'node:assert/strict'
import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { projectRoot } from '../../src/project-root.ts'
import { type Container, runContainer } from '../support/container.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const scripts = join(projectRoot, 'deploy', 'envoy')

describe('the entrypoint of an Envoy container', () => {
  let upstream: Upstream
  let folder: string
  let port: number
  let adminPort: number
  let envoy: Container
  /** Answers that the upstream holds back. */
  const held: ServerResponse[] = []

  before(async () => {
    upstream = await startUpstream('held', (response) => held.push(response))
    folder = mkdtempSync(join(tmpdir(), 'weir-entrypoint-'))
  })
  after(async () => {
    await upstream?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    port = await freePort()
    adminPort = await freePort()
    writeFileSync(join(folder, 'envoy.json'), JSON.stringify(staticEnvoy(port, adminPort, upstream.port)))
  })
  afterEach(() => envoy?.remove())

  async function start(seconds = 20): Promise<void> {
    const flags = [
      '--disable-hot-restart',
      '--concurrency',
      '1',
      '--log-level',
      'warning',
      '--drain-time-s',
      '30',
    ]
    envoy = runContainer({
      command: ['bash', join(scripts, 'entrypoint.sh'), '-c', join(folder, 'envoy.json'), ...flags],
      environment: { ENVOY_ADMIN_PORT: String(adminPort), ENVOY_DRAIN_SECONDS: String(seconds) },
    })
    await until('Envoy is ready', async () => (await script('ready.sh', String(adminPort))) === 0)
  }

  /** A request of which the upstream has seen the beginning. */
  async function underWay(): Promise<{ answer: Promise<number>; finish(): void }> {
    const before = upstream.seen.length
    const answer = send(port, { path: '/' }).then(({ status }) => status)
    answer.catch(() => {})
    await upstream.seenCount(before + 1)
    return { answer, finish: () => void held.pop()!.end('done\n') }
  }

  const accepts = () =>
    send(port, { path: '/', method: 'BREW' }).then(
      () => true,
      (error) => error.code !== 'ECONNREFUSED',
    )
  const draining = () =>
    until('its health check fails', async () => (await script('ready.sh', String(adminPort))) === 1)

  test('SIGTERM: the request under way ends well, then nothing is accepted any more, and the code is 0', async () => {
    await start()
    const { answer, finish } = await underWay()
    envoy.signal('SIGTERM')
    await draining()
    assert.ok(envoy.running(), 'it waits for the request')
    finish()
    assert.equal(await answer, 200)
    assert.equal(await envoy.exited, 0)
    await assert.rejects(send(port, { path: '/' }), { code: 'ECONNREFUSED' })
    assert.match(envoy.log(), /caught ENVOY_SIGTERM/)
    assert.doesNotMatch(envoy.log(), /drain\.sh:/)
  })

  test('a request that does not end is waited for no longer than ENVOY_DRAIN_SECONDS', async () => {
    await start(1)
    const { answer } = await underWay()
    envoy.signal('SIGTERM')
    assert.equal(await envoy.exited, 0)
    await assert.rejects(answer)
    assert.match(envoy.log(), /drain\.sh: 1 requests are still active after 1 s/)
  })

  test('a second signal ends it at once', async () => {
    await start()
    const { answer } = await underWay()
    envoy.signal('SIGTERM')
    await draining()
    const asked = performance.now()
    envoy.signal('SIGTERM')
    assert.equal(await envoy.exited, 137)
    assert.ok(performance.now() - asked < 5_000)
    await assert.rejects(answer)
  })

  test('an Envoy that ends by itself gives its exit code', async () => {
    await start()
    await fetch(`http://127.0.0.1:${adminPort}/quitquitquit`, { method: 'POST' })
    assert.equal(await envoy.exited, 0)
    writeFileSync(join(folder, 'envoy.json'), '{"no_such_field": 1}')
    await envoy.remove()
    envoy = runContainer({
      command: ['bash', join(scripts, 'entrypoint.sh'), '-c', join(folder, 'envoy.json')],
    })
    assert.equal(await envoy.exited, 1)
    assert.match(envoy.log(), /no_such_field/)
  })

  test('drain.sh by itself leaves Envoy running and idle, as a preStop hook wants it', async () => {
    await start()
    const { answer, finish } = await underWay()
    const drained = script('drain.sh', String(adminPort), '20')
    await draining()
    finish()
    assert.equal(await answer, 200)
    assert.equal(await drained, 0)
    await until('no listener accepts', async () => !(await accepts()))
    assert.ok(envoy.running())
    envoy.signal('SIGTERM')
    assert.equal(await envoy.exited, 0)
  })

  test('drain.sh goes on accepting for as long as it is told to', async () => {
    await start()
    const drain = run('drain.sh', String(adminPort), '600', '600')
    await draining()
    const { answer, finish } = await underWay()
    finish()
    assert.equal(await answer, 200)
    envoy.signal('SIGTERM')
    assert.equal(await envoy.exited, 0)
    drain.kill()
  })

  test('scripts say what is wrong by their code', async () => {
    assert.equal(await script('drain.sh', String(adminPort), '1'), 1)
    assert.equal(await script('ready.sh', String(adminPort)), 1)
    for (const wrong of [['http'], ['9901', '-1'], ['9901', '1', '$(id)']]) {
      assert.equal(await script('drain.sh', ...wrong), 2)
    }
  })
})

function run(name: string, ...args: string[]): ChildProcess {
  return execFile('bash', [join(scripts, name), ...args])
}

/** Its exit code. */
async function script(name: string, ...args: string[]): Promise<number> {
  const [code] = await once(run(name, ...args), 'close')
  return code
}

/** An Envoy that forwards everything to one port. */
function staticEnvoy(port: number, adminPort: number, upstreamPort: number): object {
  const at = (number: number) => ({ socket_address: { address: '127.0.0.1', port_value: number } })
  const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.extensions.filters.${name}` })
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'upstream', timeout: '0s' } }]
  const connectionManager = {
    ...type('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'edge/http',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: type('http.router.v3.Router') }],
  }
  const filters = [{ name: 'http', typed_config: connectionManager }]
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: at(upstreamPort) } }] }]
  return {
    admin: { address: at(adminPort) },
    static_resources: {
      listeners: [{ name: 'http', address: at(port), filter_chains: [{ filters }] }],
      clusters: [{ name: 'upstream', load_assignment: { cluster_name: 'upstream', endpoints } }],
    },
  }
}
