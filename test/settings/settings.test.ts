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

  test('the rate-limit services of several replicas', () => {
    const { rlsEnvoyAddrs } = readSettings('up', [], { WEIR_RLS_ENVOY_ADDR: 'weir-1:18001, [::1]:18002' })
    assert.deepEqual(rlsEnvoyAddrs, [
      { host: 'weir-1', port: 18_001 },
      { host: '::1', port: 18_002 },
    ])
  })

  test('WEIR_CONFIG: unset, empty, a path', () => {
    assert.equal(readSettings('up', [], { WEIR_NPM_START: '1' }).config, 'quickstart')
    assert.equal(readSettings('up', [], { WEIR_NPM_START: '1', WEIR_CONFIG: '' }).config, 'none')
    assert.deepEqual(readSettings('up', [], { WEIR_CONFIG: '/etc/weir' }).config, { path: '/etc/weir' })
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

  test('a secret is not in the line that refuses it', () => {
    const environment = { WEIR_ADMIN_TOKEN: 'short-secret', DATABASE_URL: 'mysql://user:hunter2@db/x' }
    for (const variable of ['WEIR_ADMIN_TOKEN', 'DATABASE_URL'] as const) {
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
