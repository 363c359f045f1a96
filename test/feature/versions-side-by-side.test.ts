import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cluster, route } from '../support/edge.ts'
import { startTestEnvoy, type TestEnvoy } from '../support/envoy.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { type SeveralReplicas, startSeveralReplicas } from '../support/several-replicas.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let database: FreshDatabase
let upstream: Upstream
let replicas: SeveralReplicas
let port: number
let envoy: TestEnvoy

before(async () => {
  database = await freshDatabase()
  upstream = await startUpstream('a')
  port = await freePort()
  replicas = await startSeveralReplicas([database.url, database.url])
  await replicas.weirs[0]!.apply(
    {
      kind: 'Gateway',
      name: 'edge',
      spec: { listeners: [{ name: 'http', port, protocol: 'http' }] },
    },
    cluster('a', upstream),
    answering('kept', 'old'),
  )
  const [xdsPort, other] = replicas.xdsPorts as [number, number]
  envoy = await startTestEnvoy({ gateway: 'edge', id: 'edge-1', xdsPort, moreXdsPorts: [other] })
  await until('it is served', async () => (await answer('/kept')) === 'old')
})
after(async () => {
  await envoy?.stop()
  await replicas?.stop()
  await upstream?.close()
  await database?.drop()
})

const answering = (name: string, body: string) => route(name, `/${name}`, { respond: { status: 200, body } })

const answer = (path: string) =>
  send(port, { path }).then(
    ({ status, body }) => (status === 200 ? body : `${status}`),
    () => undefined,
  )

/** What the next version might do to the database at its start. */
async function migrateByNext(): Promise<void> {
  await withClient(database.url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select table_name as name from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'schema_migrations'`,
    )
    assert.ok(rows.length > 10)
    for (const { name } of rows) {
      await client.query(
        `alter table ${name} add column newer text not null default 'x', add column newest int[]`,
      )
    }
    await client.query(`insert into schema_migrations (name, hash) values ('9999_next.sql', 'hash')`)
  })
}

/** A write of the next version: a route with a field that this one does not know, and an object of a kind that it has not. */
async function writeByNext(): Promise<number> {
  return withClient(database.url, async (client) => {
    await client.query('begin')
    const { rows } = await client.query<{ id: string }>(
      `insert into revisions (id, author, message) select max(id) + 1, 'next', '' from revisions returning id`,
    )
    const revision = Number(rows[0]!.id)
    const { spec } = answering('kept', 'new') as { spec: object }
    await client.query(`update objects set to_revision = $1 where name = 'kept' and to_revision is null`, [
      revision,
    ])
    for (const [kind, name, value] of [
      ['Route', 'kept', { ...spec, teleport: true }],
      ['Gadget', 'new', { teleport: true }],
    ] as const) {
      await client.query(
        `insert into objects (kind, name, owner, labels, spec, from_revision) values ($1, $2, '', '{}', $3, $4)`,
        [kind, name, JSON.stringify(value), revision],
      )
    }
    await client.query(`select pg_notify('weir_revision', $1)`, [String(revision)])
    await client.query('commit')
    return revision
  })
}

test('beside a newer version each replica goes on with what it can read, one that is started again, too', async () => {
  await migrateByNext()
  const first = await replicas.weirs[0]!.apply(answering('after', 'migrated'))
  const revision = await writeByNext()
  assert.equal(revision, first.body.revision + 1)
  for (const weir of replicas.weirs) {
    await until('it is at that revision', async () => (await weir.metric('weir_revision')) === revision)
  }
  assert.equal(await answer('/kept'), 'old')

  await replicas.weirs[1]!.end('SIGKILL')
  await replicas.start(1)
  const [running, started] = await Promise.all(
    replicas.weirs.map(async (weir) => (await weir.api('GET', '/v1/export')).body),
  )
  assert.equal(started, running)
  assert.match(replicas.weirs[1]!.output(), /"name":"kept"[^\n]*"msg":"row_unreadable"/)
  assert.match(replicas.weirs[1]!.output(), /"kind":"Gadget"[^\n]*"msg":"row_unreadable"/)

  // The Envoy goes to the one that was started; the next write is the first thing that it is sent there.
  await replicas.weirs[0]!.end('SIGKILL')
  await until('the Envoy has moved', async () => {
    const { items } = (await replicas.weirs[1]!.api('GET', '/v1/fleet')).body
    return items.some(({ state, replica }: { state: string; replica: string }) => {
      return state === 'connected' && replicas.nameOf(1).test(replica)
    })
  })
  const written = await replicas.weirs[1]!.apply(answering('last', 'written'))
  assert.equal(written.body.revision, revision + 1)
  assert.equal(await answer('/last'), 'written')
  assert.equal(await answer('/kept'), 'old')
  assert.equal(await replicas.weirs[1]!.metric('weir_xds_resources_sent_total'), 1)

  // Whoever writes the object here replaces it.
  await replicas.weirs[1]!.apply(answering('kept', 'newest'))
  assert.equal(await answer('/kept'), 'newest')
})
