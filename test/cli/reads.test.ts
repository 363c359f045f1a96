import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, type TestContext, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { projectRoot } from '../../src/project-root.ts'
import { sample, startAdmin, type TestAdmin, token } from '../support/admin.ts'
import { startDetour } from '../support/detour.ts'
import { freePort } from '../support/ports.ts'
import { weir } from '../support/run-weir.ts'

describe('weir get, export, history, complete', () => {
  let admin: TestAdmin
  const environment = () => ({ WEIR_URL: admin.url, WEIR_ADMIN_TOKEN: token })
  const run = (...args: string[]) => weir(args, { environment: environment() })
  const json = async (...args: string[]) => JSON.parse((await run(...args, '-o', 'json')).stdout)
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample)
    await admin.call('PUT', '/v1/clusters/echo', { labels: { team: 'search' }, spec: { endpoints: [] } })
    await admin.call('PUT', '/v1/clusters/other', { owner: 'team-a', spec: { endpoints: [] } })
  })
  after(() => admin.close())

  test('get 0: by label, by owner, as it was', async () => {
    const names = async (...args: string[]) =>
      (await json('get', ...args)).map(({ name }: { name: string }) => name)
    assert.deepEqual(await names('clusters', '-l', 'team=search'), ['echo'])
    assert.deepEqual(await names('clusters', '-l', 'team=search', '-l', 'a=1'), [])
    assert.deepEqual(await names('clusters', '--owner', 'team-a'), ['other'])
    assert.deepEqual(await names('clusters', '--at', '1'), ['echo'])
    assert.equal((await json('get', 'clusters/echo', '--at', '1')).spec.connectTimeout, '1s')
    assert.equal((await json('get', 'clusters/echo')).spec.connectTimeout, undefined)
  })

  test('get 1: a revision that is none; 2: contradictions', async () => {
    assert.equal((await run('get', 'clusters', '--at', '99')).code, 1)
    for (const args of [
      ['clusters/echo', '-l', 'a=b'],
      ['clusters', '-l', 'a'],
      ['clusters', '-w', '--at', '1'],
    ]) {
      assert.equal((await run('get', ...args)).code, 2, args.join(' '))
    }
  })

  /** `weir get -w -o json`, line by line. */
  function watching(t: TestContext, object: string, url: string) {
    const child = spawn(
      process.execPath,
      [join(projectRoot, 'bin/weir'), 'get', object, '-w', '-o', 'json'],
      {
        env: { PATH: process.env.PATH, ...environment(), WEIR_URL: url },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    t.after(() => child.kill())
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return {
      child,
      exited: once(child, 'exit'),
      next: async () => JSON.parse((await lines.next()).value as string),
    }
  }

  test('get -w: what is there, then each change as a line of JSON', async (t) => {
    const { child, exited, next: line } = watching(t, 'clusters', admin.url)
    const next = async () => {
      const { revision, action, document } = await line()
      return `${revision} ${action} ${document.name}`
    }
    assert.deepEqual([await next(), await next()], ['3 unchanged echo', '3 unchanged other'])
    await admin.call('PUT', '/v1/clusters/seen', { spec: { endpoints: [] } })
    assert.equal(await next(), '4 created seen')
    await admin.call('PUT', '/v1/clusters/seen', { spec: { endpoints: [], connectTimeout: '1s' } })
    assert.equal(await next(), '5 updated seen')
    await admin.call('DELETE', '/v1/clusters/seen')
    assert.equal(await next(), '6 deleted seen')
    child.kill('SIGINT')
    assert.deepEqual(await exited, [130, null])
  })

  test('get -w: what is written between the question for the revision and the list is a change of its own', async (t) => {
    const now = await admin.revision()
    let raced = false
    const detour = await startDetour(admin.url, () => async (request, pass) => {
      const answer = await pass()
      if (!raced && request.url?.startsWith('/v1/revisions')) {
        raced = true
        await admin.call('PUT', '/v1/clusters/other', { owner: 'team-b', spec: { endpoints: [] } })
      }
      return answer
    })
    t.after(detour.close)
    const { child, exited, next } = watching(t, 'clusters/other', detour.url)
    const owners = async () => {
      const { revision, action, document } = await next()
      return [revision, action, document.owner]
    }
    assert.deepEqual(await owners(), [now, 'unchanged', 'team-a'])
    assert.deepEqual(await owners(), [now + 1, 'updated', 'team-b'])
    child.kill('SIGINT')
    await exited
  })

  test('get 0: a label whose value holds commas and backslashes; the table shows it as -l takes it', async () => {
    const labels = { note: 'a,b\\c', z: '1' }
    await admin.call('PUT', '/v1/plans/noted', { labels, spec: {} })
    await admin.call('PUT', '/v1/plans/plain', { labels: { note: 'a' }, spec: {} })
    const { stdout } = await run('get', 'plans')
    assert.match(stdout, /\nnoted +- +note=a\\,b\\\\c,z=1\n/)
    const selected = await json('get', 'plans', '-l', 'note=a\\,b\\\\c', '-l', 'z=1')
    assert.deepEqual(
      selected.map(({ name }: { name: string }) => name),
      ['noted'],
    )
    assert.equal((await run('get', 'plans', '-l', 'note=a\\', '-l', 'z=1')).code, 2)
    for (const name of ['noted', 'plain']) await admin.call('DELETE', `/v1/plans/${name}`)
  })

  test('export 0: of one kind, with defaults, as it was, as JSON', async () => {
    const yaml = await run('export', '--kind', 'clusters', '--effective', '--at', '1')
    assert.equal(yaml.code, 0, yaml.stderr)
    const documents = parseAllDocuments(yaml.stdout)
    assert.ok(!('empty' in documents))
    assert.deepEqual(
      documents.map((document) => document.get('name')),
      ['echo'],
    )
    assert.match(yaml.stdout, /loadBalancing:/)
    const kinds = (await json('export')).map(({ kind }: { kind: string }) => kind)
    assert.deepEqual(kinds, ['Gateway', 'Cluster', 'Cluster', 'Route', 'RateLimitPolicy'])
    assert.equal((await run('export', '--at', '99')).code, 1)
    assert.equal((await run('export', '--kind', 'things')).code, 2)
  })

  test('history 0: of one object, back to its creation, also after its deletion; 1: of none; 2: without a name', async () => {
    const revisions = (await json('history', 'clusters/echo')).map(
      ({ revision }: { revision: number }) => revision,
    )
    assert.deepEqual(revisions, [2, 1])
    assert.equal((await json('history', 'clusters/echo', '-n', '1')).length, 1)
    await admin.call('PUT', '/v1/clusters/short', { spec: { endpoints: [] } })
    await admin.call('DELETE', '/v1/clusters/short', undefined, { 'weir-message': 'not needed' })
    const [deletion, creation] = await json('history', 'clusters/short')
    assert.equal(deletion.message, 'not needed')
    assert.equal(deletion.revision, creation.revision + 1)
    const none = await run('history', 'clusters/nope')
    assert.equal(none.code, 1)
    assert.match(none.stderr, /there is no Cluster\/nope in the history/)
    assert.equal((await run('history', 'clusters')).code, 2)
  })

  test('complete: commands, options, their values, kinds, names, fields, revisions', async () => {
    const patient = () => ({ ...environment(), WEIR_COMPLETION_TIMEOUT: '60s' })
    const complete = async (...words: string[]) =>
      (await weir(['complete', '--', ...words], { environment: patient() })).stdout.trimEnd().split('\n')
    const cases: [string[], string[]][] = [
      [['his'], ['history']],
      [['compl'], ['completion']],
      [
        ['completion', ''],
        ['bash', 'fish', 'zsh'],
      ],
      [['envoy', 'b'], ['bootstrap']],
      [['apply', '--pr'], ['--prune']],
      [['get', 'routes', '-o', 'j'], ['json']],
      [['export', '--kind', 'route'], ['routes']],
      [['get', 'request'], ['request-policies/']],
      [
        ['get', 'clusters/'],
        ['clusters/echo', 'clusters/other'],
      ],
      [['delete', 'cluster', 'o'], ['other']],
      [['explain-field', 'Route.match.pa'], ['Route.match.path']],
      [['explain-field', 'Route.ow'], ['Route.owner']],
      [['apply', '-f', ''], ['']],
      [['get', 'things/'], ['']],
    ]
    const found = await Promise.all(cases.map(([words]) => complete(...words)))
    for (const [index, [words, wanted]] of cases.entries())
      assert.deepEqual(found[index], wanted, words.join(' '))
    assert.ok((await complete('rollback', '')).includes('1'))
  })

  test('complete 0: nothing and no word where nothing answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const gone = await weir(['complete', '--', 'get', 'clusters/'], { environment: { WEIR_URL: url } })
    assert.deepEqual(gone, { code: 0, stdout: '', stderr: '' })
  })
})
