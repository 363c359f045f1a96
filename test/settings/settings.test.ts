import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readSettings } from '../../src/settings/settings.ts'

describe('settings', () => {
  test('under up everything has a default, on loopback', () => {
    const settings = readSettings('up', [], {})
    assert.deepEqual(settings.adminAddr, { host: '127.0.0.1', port: 8080 })
    assert.deepEqual(settings.xdsAddr, { host: '127.0.0.1', port: 18000 })
    assert.deepEqual(settings.rlsAddr, { host: '127.0.0.1', port: 18001 })
    assert.equal(settings.envoy, 'auto')
    assert.equal(settings.listenerAddress, '127.0.0.1')
    assert.equal(settings.config, 'none')
  })

  test('under serve no Envoy is started and listeners bind every address', () => {
    const settings = readSettings('serve', [], { DATABASE_URL: 'postgres://u:p@db/weir' })
    assert.equal(settings.envoy, 'off')
    assert.equal(settings.listenerAddress, '0.0.0.0')
  })

  test('flags beat the environment, in both forms', () => {
    const environment = { WEIR_ADMIN_ADDR: '127.0.0.1:1', WEIR_ENVOY: 'auto' }
    const settings = readSettings('up', ['--admin-addr', '127.0.0.2:2', '--envoy=off'], environment)
    assert.deepEqual(settings.adminAddr, { host: '127.0.0.2', port: 2 })
    assert.equal(settings.envoy, 'off')
  })

  test('a stop is delayed under serve, where balancers need to see it, and not under up', () => {
    const database = { DATABASE_URL: 'postgres://u:p@db/weir' }
    assert.equal(readSettings('serve', [], database).drainDelayMs, 5_000)
    assert.equal(readSettings('up', [], {}).drainDelayMs, 0)
    assert.equal(readSettings('up', [], { WEIR_DRAIN_DELAY: '250ms' }).drainDelayMs, 250)
  })

  test('what carries the rate-limit service', () => {
    const transport = (environment: Record<string, string>) =>
      readSettings('up', [], environment).rlsTransport
    assert.equal(transport({}), 'lane')
    assert.equal(transport({ WEIR_RLS_TRANSPORT: 'grpc-js' }), 'grpc-js')
    assert.throws(() => transport({ WEIR_RLS_TRANSPORT: 'grpc' }), /WEIR_RLS_TRANSPORT=grpc is not known/)
  })

  test('the rate-limit services of several replicas', () => {
    const { rlsEnvoyAddrs } = readSettings('up', [], { WEIR_RLS_ENVOY_ADDR: 'weir-1:18001, [::1]:18002' })
    assert.deepEqual(rlsEnvoyAddrs, [
      { host: 'weir-1', port: 18_001 },
      { host: '::1', port: 18_002 },
    ])
  })

  test('what xDS is guarded with, which lets it leave loopback', () => {
    const guard = (environment: Record<string, string>) =>
      readSettings('serve', [], { DATABASE_URL: 'postgres://u:p@db/weir', ...environment }).xdsGuard
    assert.deepEqual(guard({}), { tls: undefined, tokens: false })
    assert.deepEqual(guard({ WEIR_XDS_TOKENS: 'true', WEIR_XDS_ADDR: '0.0.0.0:18000' }).tokens, true)
    const files = { WEIR_XDS_TLS_CERT: '/etc/weir/xds.pem', WEIR_XDS_TLS_KEY: '/etc/weir/xds.key' }
    const clientCa = { WEIR_XDS_TLS_CLIENT_CA: '/etc/weir/envoys.pem' }
    assert.deepEqual(guard({ ...files, ...clientCa, WEIR_XDS_ADDR: '10.0.0.1:18000' }).tls, {
      certificateFile: '/etc/weir/xds.pem',
      keyFile: '/etc/weir/xds.key',
      clientCaFile: '/etc/weir/envoys.pem',
    })
  })

  test('WEIR_CONFIG: unset, empty, a path', () => {
    assert.equal(readSettings('up', [], { WEIR_NPM_START: '1' }).config, 'quickstart')
    assert.equal(readSettings('up', [], { WEIR_NPM_START: '1', WEIR_CONFIG: '' }).config, 'none')
    assert.deepEqual(readSettings('up', [], { WEIR_CONFIG: '/etc/weir' }).config, { path: '/etc/weir' })
  })

  test('the counters are in memory, in the store of REDIS_URL, or in one of this machine', () => {
    const counters = (environment: Record<string, string>) => readSettings('up', [], environment).counters
    assert.deepEqual(counters({}), { kind: 'memory' })
    assert.deepEqual(counters({ REDIS_URL: '' }), { kind: 'memory' })
    assert.deepEqual(counters({ REDIS_URL: 'redis://cache' }), {
      kind: 'redis',
      url: 'redis://cache',
      timeoutMs: 10,
    })
    assert.deepEqual(counters({ WEIR_STORE: 'embedded' }), { kind: 'embedded', timeoutMs: 50 })
    assert.equal(counters({ WEIR_REPLICAS: '2' }).kind, 'embedded')
    assert.deepEqual(counters({ WEIR_STORE: 'embedded', WEIR_STORE_TIMEOUT: '1s' }), {
      kind: 'embedded',
      timeoutMs: 1_000,
    })
  })

  test('a process has all roles, or those of a part', () => {
    const roles = (more: string[]) => {
      const environment = {
        DATABASE_URL: 'postgres://u:p@db/weir',
        REDIS_URL: 'redis://cache',
        WEIR_RLS_ENVOY_ADDR: 'weir:18001',
      }
      return [...readSettings('serve', more, environment).roles]
    }
    assert.deepEqual(roles([]), ['admin', 'xds', 'ratelimit'])
    assert.deepEqual(roles(['--roles', 'ratelimit']), ['ratelimit'])
    assert.deepEqual(roles(['--roles', 'admin, xds']), ['admin', 'xds'])
  })

  const refused: { title: string; args?: string[]; environment?: Record<string, string>; says: RegExp }[] = [
    { title: 'an unknown flag', args: ['--admin-adr', 'x'], says: /no option --admin-adr.*--admin-addr/ },
    { title: 'a flag without a value', args: ['--admin-addr'], says: /needs a value/ },
    {
      title: 'an address without a port',
      environment: { WEIR_ADMIN_ADDR: 'localhost' },
      says: /WEIR_ADMIN_ADDR=localhost is not host:port/,
    },
    {
      title: 'a port out of range',
      environment: { WEIR_XDS_ADDR: '127.0.0.1:70000' },
      says: /WEIR_XDS_ADDR/,
    },
    {
      title: 'a certificate of xDS without its key',
      environment: { WEIR_XDS_TLS_CERT: 'xds.pem' },
      says: /belong together.*WEIR_XDS_TLS_KEY/,
    },
    {
      title: 'certificates of Envoys without TLS',
      environment: { WEIR_XDS_TLS_CLIENT_CA: 'ca.pem' },
      says: /xDS has no TLS.*WEIR_XDS_TLS_CERT/,
    },
    {
      title: 'tokens that are neither on nor off',
      environment: { WEIR_XDS_TOKENS: 'yes' },
      says: /WEIR_XDS_TOKENS=yes is not known/,
    },
    {
      title: 'Envoys of its own, which show nothing',
      environment: { WEIR_XDS_TOKENS: 'true' },
      says: /WEIR_ENVOY=off/,
    },
    {
      title: 'a rate-limit service that others reach, whatever xDS is guarded with',
      environment: { WEIR_XDS_TOKENS: 'true', WEIR_ENVOY: 'off', WEIR_RLS_ADDR: '0.0.0.0:18001' },
      says: /WEIR_RLS_ADDR binds 0\.0\.0\.0/,
    },
    { title: 'an unknown mode', environment: { WEIR_ENVOY: 'on' }, says: /WEIR_ENVOY=on is not known/ },
    {
      title: 'a listener address that is a name',
      environment: { WEIR_LISTENER_ADDRESS: 'localhost' },
      says: /is not an IP address/,
    },
    { title: 'a stop that takes too long', environment: { WEIR_DRAIN_DELAY: '9s' }, says: /8 s at most/ },
    { title: 'a delay without a unit', environment: { WEIR_DRAIN_DELAY: '5' }, says: /WEIR_DRAIN_DELAY=5/ },
    {
      title: 'one of several addresses without a port',
      environment: { WEIR_RLS_ENVOY_ADDR: 'weir-1:18001,weir-2' },
      says: /WEIR_RLS_ENVOY_ADDR=weir-1:18001,weir-2 is not host:port/,
    },
    {
      title: 'a database of another make',
      environment: { DATABASE_URL: 'mysql://x/y' },
      says: /not a PostgreSQL URL/,
    },
    {
      title: 'a number of revisions that is none',
      environment: { WEIR_HISTORY_REVISIONS: '0' },
      says: /WEIR_HISTORY_REVISIONS=0 is not a number of revisions/,
    },
    {
      title: 'an age of the history without a unit',
      environment: { WEIR_HISTORY_AGE: '90' },
      says: /WEIR_HISTORY_AGE=90 is not a duration/,
    },
    {
      title: 'a store of another make',
      environment: { REDIS_URL: 'memcached://cache' },
      says: /REDIS_URL begins with "memcached:\/\/"/,
    },
    { title: 'an unknown store', environment: { WEIR_STORE: 'disk' }, says: /WEIR_STORE=disk is not known/ },
    { title: 'a store without a URL', environment: { WEIR_STORE: 'redis' }, says: /needs REDIS_URL/ },
    {
      title: 'two stores',
      environment: { WEIR_STORE: 'embedded', REDIS_URL: 'redis://:hunter2@cache' },
      says: /^(?!.*hunter2)WEIR_STORE=embedded and REDIS_URL contradict each other/,
    },
    {
      title: 'a wait for the store without a unit',
      environment: { WEIR_STORE_TIMEOUT: '10' },
      says: /WEIR_STORE_TIMEOUT=10 is not a duration of 1 s at most/,
    },
    {
      title: 'a wait for the store longer than anybody waits',
      environment: { WEIR_STORE_TIMEOUT: '2s' },
      says: /WEIR_STORE_TIMEOUT=2s/,
    },
    { title: 'no replica at all', environment: { WEIR_REPLICAS: '0' }, says: /WEIR_REPLICAS=0/ },
    {
      title: 'replicas that share nothing',
      environment: { WEIR_REPLICAS: '2', WEIR_STORE: 'memory' },
      says: /WEIR_STORE=memory is one replica’s/,
    },
    {
      title: 'replicas on loopback for Envoys that are elsewhere',
      environment: { WEIR_REPLICAS: '2', WEIR_RLS_ENVOY_ADDR: 'weir:18001' },
      says: /WEIR_REPLICAS=2 is for the Envoys of this machine/,
    },
    { title: 'a part of `weir up`', environment: { WEIR_ROLES: 'ratelimit' }, says: /has every role/ },
    { title: 'an unknown role', environment: { WEIR_ROLES: 'ratelimits' }, says: /did you mean "ratelimit"/ },
    { title: 'a short token', environment: { WEIR_ADMIN_TOKEN: 'secret' }, says: /too weak/ },
    {
      title: 'xDS off loopback',
      environment: { WEIR_XDS_ADDR: '0.0.0.0:18000' },
      says: /WEIR_XDS_ADDR binds 0\.0\.0\.0.*WEIR_INSECURE=true/,
    },
    {
      title: 'rate limit off loopback',
      environment: { WEIR_RLS_ADDR: '10.0.0.1:18001' },
      says: /WEIR_RLS_ADDR binds 10\.0\.0\.1/,
    },
  ]
  for (const { title, args = [], environment = {}, says } of refused) {
    test(`${title} stops the start with one line`, () => {
      assert.throws(
        () => readSettings('up', args, environment),
        (error) => error instanceof Error && says.test(error.message) && !error.message.includes('\n'),
      )
    })
  }

  test('serve without a database stops the start', () => {
    assert.throws(() => readSettings('serve', [], {}), /needs DATABASE_URL/)
  })

  test('roles and replicas that make no sense under serve stop the start', () => {
    const database = { DATABASE_URL: 'postgres://u:p@db/weir' }
    const serve = (environment: Record<string, string>) => () =>
      readSettings('serve', [], { ...database, ...environment })
    assert.throws(serve({ WEIR_ROLES: 'ratelimit' }), /WEIR_ROLES=ratelimit is a part.*REDIS_URL/)
    assert.throws(serve({ WEIR_ROLES: 'admin,ratelimit', REDIS_URL: 'redis://c' }), /parts admin from xds/)
    assert.throws(
      serve({ WEIR_ROLES: 'admin,xds', REDIS_URL: 'redis://c' }),
      /leaves out the rate-limit service.*WEIR_RLS_ENVOY_ADDR/,
    )
    assert.throws(serve({ WEIR_REPLICAS: '2' }), /is one replica/)
  })

  test('a secret is not in the line that refuses it', () => {
    const environment = {
      WEIR_ADMIN_TOKEN: 'short-secret',
      DATABASE_URL: 'mysql://user:hunter2@db/x',
      REDIS_URL: 'rediz://user:hunter2@cache',
    }
    for (const variable of ['WEIR_ADMIN_TOKEN', 'DATABASE_URL', 'REDIS_URL'] as const) {
      assert.throws(
        () => readSettings('up', [], { [variable]: environment[variable] }),
        (error) => error instanceof Error && !/hunter2|short-secret/.test(error.message),
      )
    }
  })

  test('off loopback is allowed where the operator says that the network is trusted', () => {
    const settings = readSettings('up', [], { WEIR_XDS_ADDR: '0.0.0.0:18000', WEIR_INSECURE: 'true' })
    assert.equal(settings.xdsAddr.host, '0.0.0.0')
  })
})
