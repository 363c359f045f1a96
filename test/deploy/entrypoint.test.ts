import assert from 'node:assert/strict'
import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
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
    await until('Envoy is ready', async () => (await script('ready.sh', String(adminPort))).code === 0)
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
    until('its health check fails', async () => (await script('ready.sh', String(adminPort))).code === 1)

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
    assert.equal((await drained).code, 0)
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

  test('scripts say what is wrong, in a line and by their code', async () => {
    assert.deepEqual(await script('drain.sh', String(adminPort), '1'), {
      code: 1,
      said: [`drain.sh: no Envoy answers on 127.0.0.1:${adminPort}`],
    })
    assert.equal((await script('ready.sh', String(adminPort))).code, 1)
    const usage = 'usage: drain.sh [ADMIN_PORT] [SECONDS] [AT_LEAST], whole numbers'
    const cases: [args: string[], said: string][] = [
      [['http'], '"http" is no port'],
      [['0'], '"0" is no port'],
      [['99999'], '"99999" is no port'],
      [['9901', '-1'], '"-1" is no number of seconds'],
      // Octal to bash, and 08 no number at all.
      [['9901', '08'], '"08" is no number of seconds'],
      [['9901', '1', '$(id)'], '"$(id)" is no number of seconds'],
      [['9901', '1', '2'], 'AT_LEAST, 2, is more than SECONDS, 1'],
      [['9901', '2', '1', '1'], 'there are 4 arguments'],
    ]
    for (const [args, said] of cases)
      assert.deepEqual(await script('drain.sh', ...args), { code: 2, said: [`drain.sh: ${said}`, usage] })
  })
})

function run(name: string, ...args: string[]): ChildProcess {
  return execFile('bash', [join(scripts, name), ...args])
}

/** Its exit code, and the lines that it said on stderr. */
async function script(name: string, ...args: string[]): Promise<{ code: number; said: string[] }> {
  const child = run(name, ...args)
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, 'close')])
  return { code, said: said.split('\n').filter((line) => line !== '') }
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
