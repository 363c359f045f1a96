import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { envoyBinary } from '../support/envoy.ts'
import { freePort } from '../support/ports.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const respond = (name: string, path: object) => ({
  kind: 'Route',
  name,
  spec: { gateways: ['edge'], match: { path }, respond: { status: 200, body: name } },
})
/** An expression that weir takes and Envoy refuses. */
const odd = (name: string) => respond(name, { regex: `/${name}\\p{LC}` })
const fine = (name: string) => respond(name, { prefix: `/${name}` })

interface Problem {
  document?: number
  pointer: string
  message: string
}

describe('a write that is shown to an Envoy first', () => {
  let database: FreshDatabase
  let port: number
  const weirs: Weir[] = []
  const start = async (validate: string): Promise<Weir> => {
    const environment = { DATABASE_URL: database.url, ENVOY_BIN: envoyBinary(), WEIR_VALIDATE: validate }
    const more = { WEIR_SECRET_KEY: Buffer.alloc(32, 7).toString('base64') }
    const weir = await startWeir({ environment: { ...environment, ...more } })
    weirs.push(weir)
    return weir
  }
  const gateway = () => ({
    kind: 'Gateway',
    name: 'edge',
    spec: { listeners: [{ name: 'http', port, protocol: 'http' }] },
  })

  before(async () => {
    database = await freshDatabase()
    port = await freePort()
  })
  after(async () => {
    for (const weir of weirs) await weir.end()
    await database?.drop()
  })

  test('a dry run says what Envoy refuses, by row and field, all of it at once', async () => {
    const weir = await start('dry-run')
    const documents = [gateway(), fine('a'), odd('three'), fine('b'), odd('seven')]
    const { status, body } = await weir.api('POST', '/v1/apply?dryRun=true', documents)
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(body.validation.state, 'refused', JSON.stringify(body.validation))
    const told = (
      body.validation.problems as { kind: string; name: string; pointer: string; error: string }[]
    ).map(({ kind, name, pointer, error }) => `${kind}/${name} ${pointer}: ${error}`)
    assert.deepEqual(told.sort(), [
      'Route/seven /spec/match/path/regex: invalid character class range: \\p{LC}',
      'Route/three /spec/match/path/regex: invalid character class range: \\p{LC}',
    ])
    assert.equal((await weir.api('GET', '/v1/revisions')).body.items.length, 0)
  })

  test('a dry run that Envoy accepts says so, and is not hindered by what it does not concern', async () => {
    const [weir] = weirs
    const { body } = await weir!.api('POST', '/v1/apply?dryRun=true', [gateway(), fine('a')])
    assert.deepEqual(body.validation, { state: 'accepted', problems: [] })
    // Written without being asked about: a write does not answer for what others wrote before it.
    assert.equal((await weir!.api('POST', '/v1/apply', [gateway(), odd('old')])).status, 200)
    const later = await weir!.api('POST', '/v1/apply?dryRun=true', [fine('a')])
    assert.deepEqual(later.body.validation, { state: 'accepted', problems: [] })
  })

  test('with writes, what Envoy refuses is not written, and the answer names document and field', async () => {
    const weir = await start('writes')
    const { status, body } = await weir.api('POST', '/v1/apply', [fine('b'), odd('bad')])
    assert.equal(status, 422, JSON.stringify(body))
    const [problem, ...others] = body.errors as Problem[]
    assert.deepEqual([problem!.document, problem!.pointer, others.length], [1, '/spec/match/path/regex', 0])
    assert.match(problem!.message, /Route\/bad: invalid character class range/)
    assert.equal((await weir.api('GET', '/v1/routes/b')).status, 404)
    const put = await weir.api('PUT', '/v1/routes/bad', odd('bad'))
    assert.equal(put.status, 422)
    assert.equal((await weir.api('POST', '/v1/apply', [fine('b'), fine('bad')])).status, 200)
    assert.equal((await weir.api('GET', '/v1/routes/b')).status, 200)
  })

  test('with off nobody is asked', async () => {
    const weir = await start('off')
    const { status, body } = await weir.api('POST', '/v1/apply?dryRun=true', [odd('bad')])
    assert.deepEqual([status, body.validation], [200, undefined])
  })
})
