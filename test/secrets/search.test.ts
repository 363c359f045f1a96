import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { stringify } from 'yaml'
import { selfSigned } from '../support/certificate.ts'
import { type FreshDatabase, freshDatabase, withClient } from '../support/postgres.ts'
import { weir as run } from '../support/run-weir.ts'
import { tracesOf } from '../support/traces.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const [edge, internal] = [selfSigned('edge.example'), selfSigned('internal.example')]
const apiKey = () => `wk.${randomBytes(18).toString('base64url')}`
const apiKeys = [apiKey(), apiKey(), apiKey()] as const
const traces = tracesOf([edge, internal], apiKeys)

const consumer = (value: unknown, id: unknown = 'main', more: object = {}) => ({
  kind: 'Consumer',
  name: 'acme',
  spec: { apiKeys: [{ id, value }], ...more },
})
const certificate = (pem: object, more: object = {}) => ({
  kind: 'Certificate',
  name: 'edge-client',
  spec: { pem, ...more },
})
const written = [
  { kind: 'Plan', name: 'gold', spec: {} },
  consumer(apiKeys[0], 'main', { plan: 'gold' }),
  certificate(edge),
  { kind: 'Certificate', name: 'internal-ca', spec: { pem: { certificate: internal.certificate } } },
]

/** Documents with something wrong in, at, or beside a secret. */
const broken: object[] = [
  consumer(apiKeys[0], `${apiKeys[0]}!`),
  consumer([apiKeys[0]]),
  consumer({ secretRef: apiKeys[0] }),
  consumer({ secretRef: '5b0a1f6e-2f0c-4a52-8a57-6a2f0f8f3c11', value: apiKeys[0] }),
  consumer({ value: apiKeys[0] }),
  consumer(`${apiKeys[0]}\u0000`),
  consumer(apiKeys[0]!.slice(0, 7)),
  consumer(apiKeys[0]!.repeat(40)),
  consumer(apiKeys[0], 'main', { plan: 'none' }),
  consumer(apiKeys[0], 'main', { plan: 7, unknown: true }),
  { ...consumer(apiKeys[0]), name: 'Not A Name' },
  { ...consumer(apiKeys[0]), labels: { team: 1 } },
  { kind: 'Consumer', name: 'acme', spec: { apiKeys: apiKeys[0] } },
  { kind: 'Consumer', name: 'acme', spec: { apiKeys: [apiKeys[0]] } },
  { kind: 'Consumer', name: 'acme', spec: { apiKeys: [{ id: 'main', valu: apiKeys[0] }] } },
  { kind: 'Consumers', name: 'acme', spec: { apiKeys: [{ id: 'main', value: apiKeys[0] }] } },
  { kind: 'Consumer', name: 'other', spec: { apiKeys: [{ id: 'main', value: apiKeys[0] }] } },
  certificate({ ...edge, privateKey: edge.privateKey.replace('PRIVATE KEY', 'PRIVATE THING') }),
  certificate({ ...edge, privateKey: edge.privateKey.slice(0, -30) }),
  certificate({ ...edge, privateKey: `${edge.privateKey}${internal.privateKey}` }),
  certificate({ ...edge, privateKey: Buffer.from(edge.privateKey).toString('base64') }),
  certificate({ ...edge, privateKey: { secretRef: edge.privateKey } }),
  certificate({ ...edge, privateKey: [edge.privateKey] }),
  certificate({ certificate: edge.privateKey }),
  certificate({ certificate: edge.certificate + edge.privateKey }),
  certificate({
    certificate: edge.certificate + edge.privateKey.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'),
  }),
  certificate({ ...edge, privateKeyFile: 'edge.key', key: edge.privateKey }),
  certificate(edge, { acme: { directory: 'x' } }),
]

/** Texts that are no YAML or no JSON because of how a secret was written. */
const unreadable = [
  ...['*', '!', '&', '"', "'", '@', '|', '>', '%', '[', '"\\q', '"\\U', '!<', '- ', '{a: 1, a: '].map(
    (before) => ({
      type: 'application/yaml',
      body: `kind: Consumer\nname: acme\nspec:\n  apiKeys:\n    - id: main\n      value: ${before}${apiKeys[0]}\n`,
    }),
  ),
  ...['', '"', "'", '"\\q', '-', '0', 'true', '{"a":1,"a":'].map((before) => ({
    type: 'application/json',
    body: `{"kind":"Consumer","name":"acme","spec":{"apiKeys":[{"id":"main","value":${before}${apiKeys[0]}}]}}`,
  })),
  { type: 'application/json', body: JSON.stringify(certificate(edge)).slice(0, -9) },
  { type: 'application/yaml', body: `${stringify(certificate(edge))}\n  ]` },
  { type: 'text/plain', body: apiKeys[0] },
]

describe('no trace of a secret', () => {
  let database: FreshDatabase
  let weir: Weir
  let folder: string
  const answers: string[] = []
  const printed: string[] = []

  async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(weir.url + path, {
      method,
      headers: {
        authorization: `Bearer ${weir.token}`,
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(text === undefined ? {} : { body: text }),
    })
    const answer = await response.text()
    answers.push(`${method} ${path} ${response.status} ${JSON.stringify([...response.headers])} ${answer}`)
    return { status: response.status, text: answer }
  }

  before(async () => {
    database = await freshDatabase()
    weir = await startWeir({ environment: { DATABASE_URL: database.url, WEIR_LOG_LEVEL: 'debug' } })
    folder = mkdtempSync(`${tmpdir()}/weir-search-`)
  })
  after(async () => {
    await weir.end()
    await database.drop()
    rmSync(folder, { recursive: true })
  })

  test('(what is looked for are hundreds of runs, and each form of them is found where it is)', async () => {
    assert.ok(traces.size > 500, `${traces.size} runs`)
    const key = Buffer.from(edge.privateKey.replace(/-----[A-Z ]+-----/g, ''), 'base64')
    for (const planted of [
      edge.privateKey,
      key,
      key.toString('hex'),
      Buffer.from(edge.privateKey).toString('base64'),
      key.subarray(36, 44),
      apiKeys[1],
      apiKeys[1].slice(5, 13),
      Buffer.from(apiKeys[1]).toString('hex'),
      Buffer.from(`value: ${apiKeys[1]}.`).toString('base64'),
    ]) {
      const around = Buffer.concat([randomBytes(500), Buffer.from(planted as string), randomBytes(500)])
      assert.ok(traces.in(around).length > 0, String(planted))
    }
    assert.deepEqual(traces.in(randomBytes(100_000)), [])
    assert.deepEqual(traces.in(edge.certificate), [])
  })

  test('is in the answers to writes, reads, diffs and dry runs', async () => {
    assert.equal((await send('POST', '/v1/apply', written, { 'idempotency-key': 'one' })).status, 200)
    assert.equal((await send('POST', '/v1/apply', written, { 'idempotency-key': 'one' })).status, 200)
    assert.equal((await send('POST', '/v1/apply?dryRun=true', [consumer(apiKeys[1])])).status, 200)
    assert.equal((await send('PUT', '/v1/consumers/acme', consumer(apiKeys[1]))).status, 200)
    const patch = { spec: { apiKeys: [{ id: 'main', value: apiKeys[2] }] } }
    assert.equal((await send('PATCH', '/v1/consumers/acme', patch)).status, 200)
    assert.equal((await send('PUT', '/v1/certificates/edge-client', certificate(internal))).status, 200)
    assert.equal((await send('POST', '/v1/revisions/1/restore')).status, 200)
    for (const path of [
      ...['consumers', 'certificates', 'consumers/acme', 'certificates/edge-client', 'consumers/acme?at=2'],
      ...['export', 'export?kind=Certificate', 'export?effective=true', 'export?at=2'],
      ...['revisions', 'revisions/2', 'revisions/2/diff', 'revisions/4/diff', 'fleet', 'schema'],
    ]) {
      assert.equal((await send('GET', `/v1/${path}`)).status, 200, path)
    }
    await send('GET', '/metrics')
    await send('POST', '/v1/secrets/rotate')
    await send('DELETE', '/v1/certificates/edge-client')
    assert.deepEqual(
      answers.flatMap((answer) => traces.in(answer)),
      [],
    )
  })

  test('is in the refusals of broken documents, nor is anything of them written', async () => {
    const { length } = answers
    const revision = () => send('GET', '/v1/revisions?limit=1')
    const before = (await revision()).text
    for (const document of broken) {
      for (const body of [JSON.stringify([document]), stringify(document)]) {
        const type = body.startsWith('[') ? 'application/json' : 'application/yaml'
        const { status, text } = await send('POST', '/v1/apply', body, { 'content-type': type })
        assert.ok(status === 422 || status === 400, `${status} for ${stringify(document)}: ${text}`)
      }
    }
    for (const { type, body } of unreadable) {
      const { status, text } = await send('POST', '/v1/apply', body, { 'content-type': type })
      assert.ok(status >= 400 && status < 500, `${status} for ${body}: ${text}`)
    }
    assert.equal((await revision()).text, before)
    assert.deepEqual(
      answers.slice(length).flatMap((answer) => traces.in(answer)),
      [],
    )
  })

  test('is in what the CLI prints, nor in the arguments of any process meanwhile', async () => {
    mkdirSync(join(folder, 'docs'))
    const file = join(folder, 'docs', 'all.yaml')
    writeFileSync(join(folder, 'docs', 'edge.pem'), edge.certificate)
    writeFileSync(join(folder, 'docs', 'edge.key'), edge.privateKey)
    const pem = { certificateFile: 'edge.pem', privateKeyFile: 'edge.key' }
    writeFileSync(file, [consumer(apiKeys[1]), certificate(pem)].map((each) => stringify(each)).join('---\n'))
    const environment = { WEIR_URL: weir.url, WEIR_ADMIN_TOKEN: weir.token }
    for (const args of [
      ['diff', '-f', file],
      ['apply', '-f', file],
      ['get', 'consumers', '-o', 'yaml'],
      ['export'],
    ]) {
      const running = run(args, { environment })
      printed.push(argumentsOfAll())
      const { code, stdout, stderr } = await running
      printed.push(argumentsOfAll(), stdout, stderr)
      assert.ok(code === 0 || (args[0] === 'diff' && code === 3), `weir ${args.join(' ')}: ${code} ${stderr}`)
    }
    assert.deepEqual(
      printed.flatMap((text) => traces.in(text)),
      [],
    )
  })

  test('is in the log at its loudest', () => {
    assert.match(weir.output(), /"event"|"msg":"request"/)
    assert.deepEqual(traces.in(weir.output()), [])
  })

  test('is in the files of the data dir', () => {
    for (const entry of readdirSync(weir.dataDir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      assert.deepEqual(traces.in(readFileSync(join(entry.parentPath, entry.name))), [], entry.name)
    }
  })

  test('is in any table of the database, where one that was planted is found', async () => {
    const dump = await dumpOf(database.url)
    assert.match(dump, /secretRef/)
    assert.deepEqual(traces.in(dump), [])
    await withClient(database.url, (client) =>
      client.query('create table planted as select $1::text as text, $2::bytea as bytes', [
        `x${apiKeys[1]}`,
        Buffer.from(`x${apiKeys[2]}`),
      ]),
    )
    const found = traces.in(await dumpOf(database.url)).join('\n')
    assert.ok(found.includes(apiKeys[1]))
    await withClient(database.url, (client) => client.query('alter table planted drop column text'))
    assert.ok(traces.in(await dumpOf(database.url)).length > 0)
  })
})

/** Every row of every table as text, which has bytes in hexadecimal, and the statements that the server remembers. */
function dumpOf(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const tables = await client.query(
      `select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`,
    )
    const names = [...tables.rows.map(({ name }) => name), 'pg_stat_activity']
    const parts: string[] = []
    for (const name of names) {
      const { rows } = await client.query(`select t::text as row from ${name} t`)
      parts.push(name, ...rows.map(({ row }) => row))
    }
    return parts.join('\n')
  })
}

/** The command lines of every process of the machine that may be read. */
function argumentsOfAll(): string {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(commandLine).join('\n')
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}
