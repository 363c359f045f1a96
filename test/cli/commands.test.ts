import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { DeliverQuestion } from '../../src/admin/context.ts'
import type { Receipt } from '../../src/model/receipt.ts'
import type { FleetItem } from '../../src/xds/fleet-item.ts'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { freePort } from '../support/ports.ts'
import { type RunOptions, weir } from '../support/run-weir.ts'

const fleetItem: FleetItem = {
  gateway: 'edge',
  id: 'edge-1',
  labels: { track: 'canary' },
  version: '1.40.0',
  addresses: ['127.0.0.1'],
  state: 'connected',
  protocol: 'delta',
  peer: '127.0.0.1:4711',
  connectedAt: '2026-01-01T00:00:00.000Z',
  types: {},
  lastNack: {
    type: 'listener',
    resources: ['edge/http'],
    error: 'address in \u001b[31muse',
    at: '2026-01-01T00:00:00.000Z',
    resolvedAt: '2026-01-01T00:01:00.000Z',
  },
}

describe('weir, as a client of the admin API', () => {
  let admin: TestAdmin
  let folder: string
  let delivery: (question: DeliverQuestion) => Promise<Receipt> = async () => ({
    state: 'none',
    envoys: [],
    replicas: [],
  })
  const run = (args: string[], options: RunOptions = {}) =>
    weir(args, {
      ...options,
      environment: { WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token, ...options.environment },
    })
  const file = (name: string, text: string | Uint8Array) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  before(async () => {
    admin = await startAdmin({ deliver: (question) => delivery(question), fleet: () => [fleetItem] })
    folder = mkdtempSync(join(tmpdir(), 'weir-cli-'))
    await admin.call('POST', '/v1/apply', sample)
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await admin.close()
  })

  describe('apply', () => {
    test('0: a file, a folder and standard input; the history names the user and the message', async () => {
      const one = await run([
        'apply',
        '-f',
        file('one.yaml', 'kind: Cluster\nname: one\nspec: { endpoints: [] }\n'),
        '-m',
        'öffnen\n☀',
      ])
      assert.equal(one.code, 0, one.stderr)
      assert.match(one.stdout, /^created {4}Cluster\/one\nrevision \d+\n$/)
      const { body } = await admin.call('GET', '/v1/revisions?limit=1')
      assert.deepEqual([body.items[0].author, body.items[0].message], [userInfo().username, 'öffnen ☀'])

      const inside = join(folder, 'inside')
      mkdirSync(inside)
      file('inside/b.yml', 'kind: Cluster\nname: b\nspec: { endpoints: [] }\n')
      file('inside/a.json', JSON.stringify([{ kind: 'Cluster', name: 'a', spec: { endpoints: [] } }]))
      file('inside/readme.txt', 'no document')
      const many = await run(['apply', '-f', inside])
      assert.match(many.stdout, /^created {4}Cluster\/a\ncreated {4}Cluster\/b\n/)

      const piped = await run(['apply', '-f', '-'], { stdin: sample })
      assert.equal(piped.code, 0)
      assert.match(piped.stdout, /^unchanged {2}Gateway\/edge\n/)
    })

    test('0: -o json is the answer of the API', async () => {
      const { code, stdout } = await run(['apply', '-f', '-', '-o', 'json'], { stdin: sample })
      assert.equal(code, 0)
      assert.equal(JSON.parse(stdout).changes.length, 4)
    })

    test('1: every problem on a line of its own, with file, document and remedy', async () => {
      const first = file('first.yaml', 'kind: Cluster\nname: fine\nspec: { endpoints: [] }\n')
      const second = file(
        'second.yaml',
        'kind: Cluster\nname: good\nspec: { endpoints: [] }\n---\nkind: Route\nname: bad\nspec: { gateways: [nope], match: { path: { prefix: / } }, forward: [{ cluster: gone }] }\n',
      )
      const before = await admin.revision()
      const { code, stdout, stderr } = await run(['apply', '-f', first, second])
      assert.deepEqual([code, stdout], [1, ''])
      const lines = stderr.trimEnd().split('\n')
      assert.equal(lines.length, 2)
      assert.ok(
        lines[0]!.startsWith(
          `weir: ${second}:7:20: document 1 (Route/bad, line 5): /spec/gateways/0: there is no Gateway/nope (`,
        ),
        stderr,
      )
      assert.ok(lines[1]!.includes('/spec/forward/0/cluster: there is no Cluster/gone ('), stderr)
      assert.equal(await admin.revision(), before)
    })

    test('1: broken YAML and JSON with file, line and column', async () => {
      const yaml = file('broken.yaml', 'kind: Cluster\nname: [a\nspec: {}\n')
      const json = file('broken.json', '{\n  "kind": tru\n}')
      const { code, stderr } = await run(['apply', '-f', yaml, json])
      assert.equal(code, 1)
      assert.ok(stderr.includes(`weir: ${yaml}:3:1: `), stderr)
      assert.ok(stderr.includes(`weir: ${json}:2:11: `), stderr)
    })

    test('1: a file that is not there, not UTF-8, empty, too large', async () => {
      const cases: [string, RegExp][] = [
        [join(folder, 'nowhere.yaml'), /cannot be read/],
        [file('latin1.yaml', new Uint8Array([0x61, 0x3a, 0x20, 0xe4])), /not UTF-8: byte 3/],
        [file('empty.yaml', '# nothing\n'), /no document/],
        [file('large.yaml', 'a'.repeat(9 * 1024 * 1024)), /larger than 8 MiB/],
      ]
      for (const [path, reason] of cases) {
        const { code, stderr } = await run(['apply', '-f', path])
        assert.equal(code, 1, path)
        assert.match(stderr, reason)
      }
    })

    test('--wait: 0 when acked or none is connected, 1 with the reason when refused or late', async () => {
      const apply = (n: number) =>
        run(['apply', '-f', '-', '--wait', '--timeout', '5s'], {
          stdin: `kind: Cluster\nname: w${n}\nspec: { endpoints: [] }\n`,
        })
      const acked = { gateway: 'edge', id: 'edge-1', state: 'acked' as const }
      delivery = async () => ({ state: 'acked', envoys: [acked, acked], replicas: [] })
      assert.match((await apply(1)).stdout, /acknowledged by 2 Envoys/)
      delivery = async () => ({ state: 'none', envoys: [], replicas: [] })
      assert.equal((await apply(2)).code, 0)
      delivery = async () => ({ state: 'pending', envoys: [], replicas: [] })
      const late = await apply(3)
      assert.equal(late.code, 1)
      assert.match(late.stderr, /is written, but not every Envoy acknowledged it within 5s/)
      const nacks = [
        { type: 'route', resource: 'edge/http', error: 'bad regex', rows: [{ kind: 'Route', name: 'shop' }] },
      ]
      delivery = async () => ({
        state: 'nacked',
        envoys: [{ gateway: 'edge', id: 'edge-1', state: 'nacked', nacks }],
        replicas: [],
      })
      const refused = await apply(4)
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /edge\/edge-1: route edge\/http \(from Route\/shop\): bad regex/)
      delivery = async () => ({ state: 'none', envoys: [], replicas: [] })
    })

    test('130: Ctrl-C while it waits: what is written, and how to see what becomes of it', async () => {
      const { promise: asked, resolve } = Promise.withResolvers<void>()
      delivery = async ({ timeoutMs }) => {
        if (timeoutMs === 0) return { state: 'none', envoys: [], replicas: [] }
        resolve()
        return new Promise((answer) =>
          setTimeout(answer, 5_000, { state: 'none', envoys: [], replicas: [] }).unref(),
        )
      }
      const { code, stderr } = await run(['apply', '-f', '-', '--wait'], {
        stdin: sample,
        signal: { name: 'SIGINT', when: asked },
      })
      delivery = async () => ({ state: 'none', envoys: [], replicas: [] })
      const line = `revision ${await admin.revision()} is written; \`weir delivery ${await admin.revision()}\` says how far it is.`
      assert.deepEqual([code, stderr], [130, `weir: ${line}\n`])
    })
  })

  describe('export, get, delete, history, fleet', () => {
    test('export 0: YAML that apply takes back, JSON, one kind', async () => {
      const { code, stdout } = await run(['export'])
      assert.equal(code, 0)
      assert.ok(parseAllDocuments(stdout).length >= 4)
      const again = await run(['apply', '-f', '-'], { stdin: stdout })
      assert.doesNotMatch(again.stdout, /created|updated/)
      const json = await run(['export', '-o', 'json', '--kind', 'routes'])
      assert.deepEqual(
        JSON.parse(json.stdout).map(({ name }: { name: string }) => name),
        ['echo'],
      )
    })

    for (const args of [['route/echo'], ['routes', 'echo'], ['Route', 'echo'], ['ROUTES/echo']]) {
      test(`get 0: ${args.join(' ')}`, async () => {
        const { code, stdout } = await run(['get', ...args])
        assert.equal(code, 0)
        assert.match(stdout, /^kind: Route\nname: echo\n/)
      })
    }

    test('get 0: kinds of several words, a list as a table and as JSON', async () => {
      for (const kind of [
        'rate-limit-policy/per-key',
        'RateLimitPolicy/per-key',
        'rate-limit-policies/per-key',
      ]) {
        assert.equal((await run(['get', kind])).code, 0, kind)
      }
      const table = await run(['get', 'clusters'])
      assert.match(table.stdout, /^NAME +OWNER +LABELS\n/)
      assert.match(table.stdout, /\necho +- +a=1,team=checkout\n/)
      const json = await run(['get', 'clusters', '-o', 'json'])
      assert.ok(JSON.parse(json.stdout).length > 1)
    })

    test('get 1: what is not there; 2: an unknown kind, two names', async () => {
      const missing = await run(['get', 'route/nope'])
      assert.equal(missing.code, 1)
      assert.match(missing.stderr, /There is no Route\/nope. \(`weir get routes` lists those that exist\)/)
      const unknown = await run(['get', 'rout'])
      assert.equal(unknown.code, 2)
      assert.match(unknown.stderr, /did you mean "routes"/)
      assert.equal((await run(['get', 'route/a', 'b'])).code, 2)
    })

    test('delete 1: what is referred to and what is not there; 0: the rest; 2: no name', async () => {
      const referred = await run(['delete', 'cluster', 'echo'])
      assert.equal(referred.code, 1)
      assert.match(referred.stderr, /still named by Route\/echo/)
      assert.equal((await run(['delete', 'cluster', 'nope'])).code, 1)
      await admin.call('PUT', '/v1/clusters/gone', { spec: { endpoints: [] } })
      const deleted = await run(['delete', 'cluster/gone', '-m', 'not needed'])
      assert.deepEqual([deleted.code, deleted.stderr], [0, ''])
      assert.match(deleted.stdout, /^deleted {4}Cluster\/gone\n/)
      assert.equal((await run(['delete', 'cluster'])).code, 2)
    })

    test('history 0: newest first; 2: a count that is none', async () => {
      const { code, stdout } = await run(['history', '-n', '2'])
      assert.equal(code, 0)
      assert.equal(stdout.trimEnd().split('\n').length, 3)
      assert.match(stdout, /^REVISION +AT +AUTHOR +STATE +MESSAGE\n/)
      assert.equal(JSON.parse((await run(['history', '-n', '1', '-o', 'json'])).stdout).length, 1)
      assert.equal((await run(['history', '-n', '0'])).code, 2)
    })

    test('fleet 0: a table without what a terminal would obey', async () => {
      const { code, stdout } = await run(['fleet'])
      assert.equal(code, 0)
      assert.match(stdout, /\nedge +edge-1 +connected +1.40.0 +delta +track=canary/)
      assert.match(
        stdout,
        /edge\/edge-1 refused listener edge\/http at \S+ \(resolved at 2026-01-01T00:01:00.000Z\): /,
      )
      assert.ok(!stdout.includes('\u001b'))
      assert.equal(JSON.parse((await run(['fleet', '-o', 'json'])).stdout)[0].id, 'edge-1')
    })
  })

  describe('address and token', () => {
    test('1: nothing answers, and what to do', async () => {
      const { code, stderr } = await run(['fleet', '--url', `http://127.0.0.1:${await freePort()}`])
      assert.equal(code, 1)
      assert.match(stderr, /nothing answers at http:\/\/127.0.0.1:\d+ \(ECONNREFUSED\)/)
      assert.match(stderr, /weir up/)
    })

    test('1: the token is refused, or there is none', async () => {
      const wrong = await run(['fleet'], { environment: { WEIR_ADMIN_TOKEN: 'wrong' } })
      assert.equal(wrong.code, 1)
      assert.match(wrong.stderr, /refuses the token \(looked in WEIR_ADMIN_TOKEN\)/)
      const none = await run(['fleet'], { environment: { WEIR_ADMIN_TOKEN: '', WEIR_DATA_DIR: folder } })
      assert.equal(none.code, 1)
      assert.match(none.stderr, /none was found/)
    })

    test('2: no URL', async () => {
      assert.equal((await run(['fleet', '--url', 'localhost'])).code, 2)
      assert.equal((await run(['fleet', '--url', 'ftp://a'])).code, 2)
    })

    test('the token of the data dir is used for this machine and sent to no other', async () => {
      file('token', `${token}\n`)
      const environment = { WEIR_ADMIN_TOKEN: '', WEIR_DATA_DIR: folder }
      assert.equal((await run(['fleet'], { environment })).code, 0)
      assert.equal((await run(['token'], { environment })).stdout, `${token}\n`)
      assert.equal((await run(['token', '--data-dir', join(folder, 'inside')], { environment })).code, 1)
      // A name that is not loopback in its spelling, though it leads here.
      const { port } = new URL(admin.url)
      const other = await run(['fleet', '--url', `http://[::ffff:127.0.0.1]:${port}`], { environment })
      assert.equal(other.code, 1)
      assert.match(other.stderr, /none was found/)
      rmSync(join(folder, 'token'))
    })
  })
})
