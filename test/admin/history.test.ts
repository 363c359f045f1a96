import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parseYaml } from '../../src/model/yaml.ts'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'
import { storefrontDocuments } from '../support/example.ts'
import { withClient } from '../support/postgres.ts'

const put = (admin: TestAdmin, name: string, port: number) =>
  admin.call('PUT', `/v1/clusters/${name}`, { spec: { endpoints: [{ address: '127.0.0.1', port }] } })

describe('the history', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample) // 1
    await put(admin, 'one', 1) // 2
    await put(admin, 'one', 2) // 3
    await admin.call('DELETE', '/v1/clusters/one') // 4
    await put(admin, 'two', 3) // 5
  })
  after(() => admin.close())
  const port = async (at: string | number) =>
    (await admin.call('GET', `/v1/clusters/one?at=${at}`)).body.spec?.endpoints[0].port

  test('200: the revisions of one object, its deletion among them; none of what never was', async () => {
    const revisions = async (query: string) =>
      (await admin.call('GET', `/v1/revisions?${query}`)).body.items.map(
        ({ revision }: { revision: number }) => revision,
      )
    assert.deepEqual(await revisions('object=Cluster/one'), [4, 3, 2])
    assert.deepEqual(await revisions('object=Cluster/one&limit=1'), [4])
    assert.deepEqual(await revisions('object=Route/one'), [])
    assert.equal((await admin.call('GET', '/v1/revisions?object=one')).status, 400)
  })

  describe('?at=', () => {
    test('200: an object at a revision, with the ETag and the revision of then', async () => {
      assert.deepEqual([await port(2), await port(3), await port(4)], [1, 2, undefined])
      const { status, headers } = await admin.call('GET', '/v1/clusters/echo?at=3')
      assert.equal(status, 200)
      assert.equal(headers.get('etag'), '"1"')
      assert.equal(headers.get('weir-revision'), '3')
    })

    test('200: a time means the last revision until then, to the millisecond', async () => {
      // As the clock gives them: finer than they are told, and two within one millisecond.
      const at = ['01.000400', '02.000000', '02.000900', '03.999999', '04.5']
      await withClient(admin.databaseUrl, async (client) => {
        for (const [index, seconds] of at.entries())
          await client.query('update revisions set at = $1 where id = $2', [
            `2026-01-01T00:00:${seconds}Z`,
            index + 1,
          ])
      })
      const told = async (revision: number) =>
        Date.parse((await admin.call('GET', `/v1/revisions/${revision}`)).body.at)
      const revisionAt = async (time: number | string) => {
        const text = typeof time === 'string' ? time : new Date(time).toISOString()
        const { status, headers } = await admin.call('GET', `/v1/clusters?at=${text}`)
        return status === 200 ? Number(headers.get('weir-revision')) : status
      }
      const around = async (revision: number) => {
        const time = await told(revision)
        return Promise.all([revisionAt(time - 1), revisionAt(time), revisionAt(time + 1)])
      }
      assert.deepEqual(await around(1), [404, 1, 1])
      assert.deepEqual(await around(2), [1, 3, 3])
      assert.deepEqual(await around(3), [1, 3, 3])
      assert.deepEqual(await around(4), [3, 4, 4])
      assert.deepEqual(await around(5), [4, 5, 5])
      assert.equal(await revisionAt('2026-01-01T01:00:02%2B01:00'), 3)
      assert.equal(await revisionAt('2026-01-01T01:00:02+01:00'), 3)
      assert.equal(await revisionAt('2999-01-01T00:00:00Z'), 5)
    })

    test('200: a list, with pages and filters, and an export', async () => {
      const first = await admin.call('GET', '/v1/clusters?at=3&limit=1')
      assert.deepEqual(first.body.items[0].name, 'echo')
      const second = await admin.call('GET', `/v1/clusters?at=3&limit=1&cursor=${first.body.next}`)
      assert.deepEqual([second.body.items[0].name, second.body.next], ['one', null])
      const labelled = await admin.call('GET', '/v1/clusters?at=3&labels=team=checkout')
      assert.equal(labelled.body.items.length, 1)
      const { text } = await admin.call('GET', '/v1/export?at=3&kind=Cluster')
      assert.deepEqual(text.match(/^name: \w+/gm), ['name: echo', 'name: one'])
    })

    for (const [at, status] of [
      ['0', 404],
      ['6', 404],
      ['99999999999999', 404],
      ['1999-01-01T00:00:00Z', 404],
      ['yesterday', 400],
      ['2026-13-01T00:00:00Z', 400],
      ['2026-01-01', 400],
      ['2026-02-30', 400],
      ['2026-02-30T00:00:00Z', 400],
      ['2026-02-29T00:00:00%2B01:00', 400],
      ['2026-04-31T23:59:59.5Z', 400],
      ['2026-01-01T24:00:00Z', 400],
      ['2026-01-01T00:60:00Z', 400],
      ['2999-02-28T23:59:59Z', 200],
      ['2996-02-29T00:00:00Z', 200],
      ['-1', 400],
      ['', 400],
    ] as const) {
      test(`${status}: ?at=${at}`, async () => {
        const answer = await admin.call('GET', `/v1/clusters?at=${at}`)
        assert.equal(answer.status, status)
        if (status === 200) return
        assert.ok(answer.body.errors[0].remedy)
        if (status === 400) assert.match(answer.body.errors[0].message, /"at"/)
      })
    }
  })

  describe('GET /v1/revisions/{n}/diff', () => {
    const diff = async (path: string) => (await admin.call('GET', `/v1/revisions/${path}`)).body

    test('200: against the one before', async () => {
      assert.deepEqual(await diff('3/diff'), {
        from: 2,
        to: 3,
        items: [
          {
            kind: 'Cluster',
            name: 'one',
            action: 'updated',
            patch: [{ op: 'replace', path: '/spec/endpoints/0/port', value: 2, old: 1 }],
          },
        ],
      })
      const [created] = (await diff('2/diff')).items
      assert.deepEqual([created.action, created.patch[0].op, created.patch[0].path], ['created', 'add', ''])
      const [deleted] = (await diff('4/diff')).items
      assert.deepEqual([deleted.action, deleted.patch[0].old.spec.endpoints[0].port], ['deleted', 2])
      assert.equal((await diff('1/diff')).items.length, 4)
    })

    test('200: ?from= any other one, in both directions', async () => {
      const items = async (path: string) =>
        (await diff(path)).items.map(({ name, action }: { name: string; action: string }) => [name, action])
      assert.deepEqual(await items('5/diff?from=1'), [['two', 'created']])
      assert.deepEqual(await items('1/diff?from=5'), [['two', 'deleted']])
      assert.deepEqual(await items('2/diff?from=5'), [
        ['one', 'created'],
        ['two', 'deleted'],
      ])
      assert.deepEqual(await items('3/diff?from=3'), [])
      assert.equal((await items('5/diff?from=0')).length, 5)
    })

    test('404: what was never written', async () => {
      for (const path of ['6/diff', '0/diff', 'x/diff', '5/diff?from=6'])
        assert.equal((await admin.call('GET', `/v1/revisions/${path}`)).status, 404, path)
      assert.equal((await admin.call('GET', '/v1/revisions/5/diff?from=x')).status, 400)
    })
  })

  describe('GET /v1/export', () => {
    test('200: ?effective=true fills in the defaults, and writes nothing', async () => {
      const gateways = '/v1/export?kind=Gateway'
      const plain = await admin.call('GET', gateways)
      const { text } = await admin.call('GET', `${gateways}&effective=true`)
      assert.match(text, /rateLimitService:\n {4}timeout: 100ms\n {4}onUnavailable: allow\n/)
      assert.equal((await admin.call('GET', gateways)).text, plain.text)
    })
  })
})

describe('GET /v1/export?effective=true', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    assert.equal((await admin.call('POST', '/v1/apply', storefrontDocuments())).status, 200)
  })
  after(() => admin.close())

  test('200: the whole storefront can be applied again, and is the same with its defaults', async () => {
    const { text } = await admin.call('GET', '/v1/export?effective=true')
    const { status, body } = await admin.call('POST', '/v1/apply', text)
    assert.equal(status, 200, JSON.stringify(body.errors))
    assert.equal((await admin.call('GET', '/v1/export?effective=true')).text, text)
    assert.equal((await admin.call('GET', '/v1/export')).text, text)
  })

  describe('the policy that is in force where none is written', () => {
    const policies = '/v1/export?kind=OutlierDetectionPolicy&effective=true'
    const cluster = (name: string, spec: object) => ({
      kind: 'Cluster',
      name,
      spec: { endpoints: [], ...spec },
    })
    let other: TestAdmin
    before(async () => {
      other = await startAdmin()
      await other.call('POST', '/v1/apply', [cluster('off', { outlierDetection: 'none' })]) // 1
      await other.call('POST', '/v1/apply', [cluster('a', {})]) // 2
    })
    after(() => other.close())

    test('is a document, and each cluster says which one it has', async () => {
      const [policy] = documentsIn((await other.call('GET', policies)).text)
      assert.equal(policy!.name, 'default')
      const { preset, failurePercentage, requestVolume, interval, ejectionTime, maxEjectionPercent } =
        policy!.spec
      assert.deepEqual(
        { preset, failurePercentage, requestVolume, interval, ejectionTime, maxEjectionPercent },
        {
          ...{ preset: 'hosts', failurePercentage: 51, requestVolume: 10, interval: '5s' },
          ...{ ejectionTime: '30s', maxEjectionPercent: 100 },
        },
      )
      const clusters = documentsIn((await other.call('GET', '/v1/export?kind=Cluster&effective=true')).text)
      assert.deepEqual(
        clusters.map(({ name, spec }) => [name, spec.outlierDetection]),
        [
          ['a', 'default'],
          ['off', 'none'],
        ],
      )
      assert.equal((await other.call('GET', policies.replace('&effective=true', ''))).text, '')
    })

    test('not where no cluster has it, then or now', async () => {
      assert.equal((await other.call('GET', `${policies}&at=1`)).text, '')
      assert.match((await other.call('GET', `${policies}&at=2`)).text, /^name: default$/m)
    })

    test('can be applied elsewhere, and one that is written is shown as such', async () => {
      const { text } = await other.call('GET', '/v1/export?effective=true')
      const fresh = await startAdmin()
      try {
        const { status, body } = await fresh.call('POST', '/v1/apply', text)
        assert.equal(status, 200, JSON.stringify(body.errors))
        assert.equal((await fresh.call('GET', '/v1/export')).text, text)
      } finally {
        await fresh.close()
      }
      const written = { kind: 'OutlierDetectionPolicy', name: 'default', spec: { consecutive5xx: 7 } }
      await other.call('POST', '/v1/apply', [written])
      const [policy, ...more] = documentsIn((await other.call('GET', policies)).text)
      assert.deepEqual(more, [])
      assert.equal(policy!.spec.consecutive5xx, 7)
      assert.equal(policy!.spec.preset, undefined)
    })
  })
})

function documentsIn(text: string): { name: string; spec: Record<string, unknown> }[] {
  return parseYaml(text).values as { name: string; spec: Record<string, unknown> }[]
}

describe('a list at a revision', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    const names = ['a', 'b', 'c', 'd', 'e']
    await admin.call(
      'POST',
      '/v1/apply',
      names.map((name) => ({ kind: 'Cluster', name, spec: { endpoints: [] } })),
    ) // 1
    await put(admin, 'f', 1) // 2
    await withClient(admin.databaseUrl, (client) =>
      client.query(`update objects set spec = '{"endpoints": "none"}' where name in ('b', 'c', 'e')`),
    )
  })
  after(() => admin.close())

  for (const limit of [1, 2, 3, 5]) {
    test(`goes on behind pages of which nothing can be read: ${limit} a page`, async () => {
      const names: string[] = []
      let pages = 0
      for (let next: string | null = ''; next !== null; pages++) {
        const cursor = next === '' ? '' : `&cursor=${next}`
        const { body } = await admin.call('GET', `/v1/clusters?at=1&limit=${limit}${cursor}`)
        names.push(...body.items.map(({ name }: { name: string }) => name))
        next = body.next
      }
      assert.deepEqual(names, ['a', 'd'])
      assert.equal(pages, Math.ceil(5 / limit))
    })
  }

  test('names in the log what it leaves out, as a list of the present does', async () => {
    const before = admin.events.length
    await admin.call('GET', '/v1/clusters?at=1')
    const told = admin.events
      .slice(before)
      .flatMap((event) => (event.event === 'row_unreadable' ? `${event.kind}/${event.name}` : []))
    assert.deepEqual(told.sort(), ['Cluster/b', 'Cluster/c', 'Cluster/e'])
  })
})

describe('a compacted history', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
  })
  after(() => admin.close())
  const list = async () => (await admin.call('GET', '/v1/revisions')).body

  test('says which revisions are only facts, and the oldest one that can be read', async () => {
    await admin.call('POST', '/v1/apply', sample) // 1
    for (const port of [1, 2, 3]) await put(admin, 'one', port) // 2 to 4
    const marked = async () =>
      (await list()).items.map(({ revision, compacted }: { revision: number; compacted: boolean }) => [
        revision,
        compacted,
      ])
    assert.equal((await list()).oldest, 1)
    assert.deepEqual(
      await marked(),
      [4, 3, 2, 1].map((revision) => [revision, false]),
    )
    await admin.store.compact({ revisions: 2, ageMs: 3_600_000 })
    await admin.call('PUT', '/v1/clusters/one', { spec: { endpoints: [] } }) // 5
    const { oldest } = await list()
    assert.equal(oldest, 3)
    for (const [revision, compacted] of await marked()) {
      assert.equal(compacted, revision < oldest)
      const one = await admin.call('GET', `/v1/revisions/${revision}`)
      assert.equal(one.body.compacted, compacted)
      const read = await admin.call('GET', `/v1/clusters/echo?at=${revision}`)
      assert.equal(read.status, compacted ? 410 : 200)
    }
    assert.ok((await marked()).some(([, compacted]: [number, boolean]) => compacted))
  })
})

describe('POST /v1/revisions/{n}/restore', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample) // 1
    await put(admin, 'echo', 2) // 2: loses its labels, too
    await put(admin, 'more', 3) // 3
  })
  after(() => admin.close())
  const restore = (path: string, headers?: Record<string, string>) =>
    admin.call('POST', `/v1/revisions/${path}`, undefined, headers)

  test('200: a dry run says what would change', async () => {
    const { status, body } = await restore('1/restore?dryRun=true')
    assert.equal(status, 200)
    assert.deepEqual(body.changes, [
      { kind: 'Cluster', name: 'echo', action: 'updated' },
      { kind: 'Cluster', name: 'more', action: 'deleted' },
    ])
    assert.equal(await admin.revision(), 3)
  })

  test('200: the state of then is a new revision, which says so', async () => {
    const before = await admin.call('GET', '/v1/export?at=1')
    const { status, body } = await restore('1/restore?wait=acked')
    assert.equal(status, 200)
    assert.equal(body.revision, 4)
    assert.equal((await admin.call('GET', '/v1/export')).text, before.text)
    const { body: revision } = await admin.call('GET', '/v1/revisions/4')
    assert.equal(revision.message, 'restore revision 1')
  })

  test('200: where nothing differs, nothing is written', async () => {
    const { body } = await restore('1/restore')
    assert.deepEqual([body.revision, body.changes], [4, []])
  })

  test('200: with a message of one’s own', async () => {
    const { body } = await restore('3/restore', { 'weir-message': 'back' })
    assert.equal((await admin.call('GET', `/v1/revisions/${body.revision}`)).body.message, 'back')
  })

  test('404: what was never written', async () => {
    for (const path of ['999/restore', '0/restore', 'x/restore'])
      assert.equal((await restore(path)).status, 404, path)
  })
})
