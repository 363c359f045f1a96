import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { Redis } from 'ioredis'
import { type OpenLink, openRedisLink } from '../../src/ratelimit/stores/redis/open-link.ts'
import { createRedisStore } from '../../src/ratelimit/stores/redis/redis-store.ts'
import { aclRules, faultOf } from '../../src/ratelimit/stores/redis/server-check.ts'
import { issue } from '../support/certificate.ts'
import { hitOn } from '../support/hits.ts'
import { freePort } from '../support/ports.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'

const hit = () => hitOn('a', { algorithm: 'fixed_window', limit: 2, windowMs: 86_400_000 })

function open(t: TestContext, url: string): OpenLink {
  const link = openRedisLink(url)
  t.after(() => link.close())
  return link
}

async function takes(link: OpenLink): Promise<void> {
  assert.deepEqual(await link.check(5_000), { reached: true })
  assert.ok((await createRedisStore({ link }).take([hit()])).admitted)
}

const refuses = (link: OpenLink, message: RegExp) =>
  assert.rejects(link.check(5_000), (error: Error & { code?: string }) => {
    assert.match(error.message, message)
    assert.equal(error.code, 'startup')
    assert.ok(!error.message.includes('hunter2'), error.message)
    return true
  })

describe('the way to a store', () => {
  let dir: string
  let valkey: Valkey
  let secure: Server
  let admin: Redis
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-tls-'))
    const ca = issue({ commonName: 'ca', isCa: true })
    const server = issue({ commonName: 'store', names: ['127.0.0.1'], issuer: ca })
    await writeFile(join(dir, 'ca.pem'), ca.certificate)
    valkey = await startValkey(['--unixsocket', join(dir, 'valkey.sock'), '--requirepass', 'hunter2'])
    // The Valkey of the tests is built without TLS.
    secure = createTlsServer({ key: server.privateKey, cert: server.certificate }, (client) => {
      const plain = connect(valkey.port, '127.0.0.1')
      client.on('error', () => plain.destroy())
      plain.on('error', () => client.destroy())
      client.pipe(plain).pipe(client)
    })
    secure.on('tlsClientError', () => undefined)
    await once(secure.listen(0, '127.0.0.1'), 'listening')
    admin = new Redis({ host: '127.0.0.1', port: valkey.port, password: 'hunter2' })
    await once(admin, 'ready')
    await admin.call('ACL', 'SETUSER', 'weir', 'reset', 'on', '>hunter2/@', ...aclRules.split(' '))
    await admin.call('ACL', 'SETUSER', 'nobody', 'reset', 'on', '>hunter2', '~weir:*', '+info', '+ping')
  })
  after(async () => {
    admin?.disconnect()
    secure?.close()
    await valkey?.stop()
    await rm(dir, { recursive: true, force: true })
  })

  test('by a password, a user with the rights that are documented, and a socket', async (t) => {
    await takes(open(t, `redis://:hunter2@127.0.0.1:${valkey.port}`))
    await takes(open(t, `redis://weir:hunter2%2F%40@127.0.0.1:${valkey.port}/`))
    await takes(open(t, `unix://:hunter2@${join(dir, 'valkey.sock')}?db=1`))
  })

  test('by TLS, with the CA of its own', async (t) => {
    const { port } = secure.address() as AddressInfo
    const url = `rediss://:hunter2@127.0.0.1:${port}/2`
    await takes(open(t, `${url}?ssl_ca_certs=${join(dir, 'ca.pem')}`))
    await refuses(open(t, url), /TLS with the store of REDIS_URL fails.*ssl_ca_certs/)
    assert.throws(
      () => openRedisLink(`${url}?ssl_ca_certs=${join(dir, 'none')}`),
      /ssl_ca_certs=.*cannot be read/,
    )
  })

  test('a wrong password, none, and a database that is not there are told at once', async (t) => {
    await refuses(open(t, `redis://:hunter22@127.0.0.1:${valkey.port}`), /refuses user and password/)
    await refuses(open(t, `redis://127.0.0.1:${valkey.port}`), /refuses user and password/)
    await refuses(
      open(t, `redis://:hunter2@127.0.0.1:${valkey.port}/99`),
      /a database that the store does not have/,
    )
  })

  test('a server that is no Sentinel is told at once', async (t) => {
    const url = `redis+sentinel://127.0.0.1:${valkey.port}/mymaster?sentinel_password=hunter2`
    await refuses(open(t, url), /names Sentinels, and the server there is none/)
  })

  test('a user without the rights is told which it needs', async (t) => {
    await refuses(open(t, `redis://nobody:hunter2@127.0.0.1:${valkey.port}`), /may not.*\+evalsha/)
    const url = `redis://weir:hunter2%2F%40@127.0.0.1:${valkey.port}/1`
    await refuses(open(t, url), /may not.*'select'.*\+select/)
    await admin.call('ACL', 'SETUSER', 'weir', '+select')
    await takes(open(t, url))
    await admin.call('ACL', 'SETUSER', 'weir', '-select')
  })

  test('one that is no cluster, or is none of its nodes', async (t) => {
    const node = await startValkey([
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(await freePort()),
      '--dir',
      dir,
    ])
    t.after(() => node.stop())
    await refuses(open(t, `redis://127.0.0.1:${node.port}`), /a node of a cluster.*redis\+cluster:\/\//)
    await refuses(open(t, `redis+cluster://:hunter2@127.0.0.1:${valkey.port}`), /redis:\/\//)
  })

  test('nobody there: it says so, and a request fails at once', async (t) => {
    const link = open(t, `redis://127.0.0.1:${await freePort()}`)
    const checked = await link.check(300)
    assert.match(JSON.stringify(checked), /ECONNREFUSED/)
    const from = performance.now()
    await assert.rejects(async () => createRedisStore({ link }).take([hit()]))
    assert.ok(performance.now() - from < 250)
  })

  test('one that accepts and says nothing', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const link = open(t, `redis://127.0.0.1:${port}`)
    assert.equal((await link.check(200)).reached, false)
    await assert.rejects(async () => createRedisStore({ link }).take([hit()]))
  })
})

test('versions that are too old', () => {
  const info = (fields: object) =>
    Object.entries(fields)
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('')
  const redis = { redis_version: '7.0.0', redis_mode: 'standalone' }
  assert.equal(faultOf(info(redis), 'single'), undefined)
  assert.match(
    String(faultOf(info({ ...redis, redis_version: '6.2.14' }), 'single')),
    /Redis 6.2.14, which is too old/,
  )
  const valkey = { redis_version: '7.2.4', valkey_version: '8.1.0', server_mode: 'standalone' }
  assert.equal(faultOf(info(valkey), 'single'), undefined)
  assert.match(String(faultOf(info({ ...valkey, valkey_version: '7.1.9' }), 'single')), /Valkey 7.1.9/)
  assert.match(String(faultOf(info({ ...redis, redis_mode: 'sentinel' }), 'single')), /redis\+sentinel/)
  assert.equal(faultOf(info({ ...redis, redis_mode: 'cluster' }), 'cluster'), undefined)
})
