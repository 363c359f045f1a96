import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type RedisTarget, readRedisUrl, showTarget } from '../../src/ratelimit/stores/redis/url.ts'

const local = { host: 'h', port: 6379 }

const read: Readonly<Record<string, RedisTarget>> = {
  'redis://h': { kind: 'single', hosts: [local], db: 0 },
  'redis://h/': { kind: 'single', hosts: [local], db: 0 },
  'redis://h:7000/3': { kind: 'single', hosts: [{ host: 'h', port: 7000 }], db: 3 },
  'redis://[::1]:7000': { kind: 'single', hosts: [{ host: '::1', port: 7000 }], db: 0 },
  'redis://:p%40ss@h': { kind: 'single', hosts: [local], db: 0, password: 'p@ss' },
  'redis://weir:a%2Fb%3Ac@h/1': {
    kind: 'single',
    hosts: [local],
    db: 1,
    username: 'weir',
    password: 'a/b:c',
  },
  'redis://weir:a:b@h': { kind: 'single', hosts: [local], db: 0, username: 'weir', password: 'a:b' },
  'rediss://h': { kind: 'single', hosts: [local], db: 0, tls: {} },
  'rediss://h?ssl_ca_certs=/etc/ca.pem': {
    kind: 'single',
    hosts: [local],
    db: 0,
    tls: { ca: '/etc/ca.pem' },
  },
  'rediss://h?ssl_certfile=/c.pem&ssl_keyfile=%2Fk.pem': {
    kind: 'single',
    hosts: [local],
    db: 0,
    tls: { certificate: '/c.pem', key: '/k.pem' },
  },
  'unix:///run/valkey.sock?db=2': { kind: 'single', hosts: [], path: '/run/valkey.sock', db: 2 },
  'unix://weir:pw@/run/valkey.sock': {
    kind: 'single',
    hosts: [],
    path: '/run/valkey.sock',
    db: 0,
    username: 'weir',
    password: 'pw',
  },
  'redis+sentinel://s-1,s-2:26380/mymaster': {
    kind: 'sentinel',
    hosts: [
      { host: 's-1', port: 26_379 },
      { host: 's-2', port: 26_380 },
    ],
    primary: 'mymaster',
    db: 0,
  },
  'rediss+sentinel://weir:pw@s-1/counters/4?sentinel_username=s&sentinel_password=%25': {
    kind: 'sentinel',
    hosts: [{ host: 's-1', port: 26_379 }],
    primary: 'counters',
    db: 4,
    username: 'weir',
    password: 'pw',
    sentinelUsername: 's',
    sentinelPassword: '%',
    tls: {},
  },
  'redis+cluster://h,[::1]:7001': { kind: 'cluster', hosts: [local, { host: '::1', port: 7001 }], db: 0 },
  'rediss+cluster://:pw@h/0': { kind: 'cluster', hosts: [local], db: 0, password: 'pw', tls: {} },
}

const secret = 'hunter2'

const refused: Readonly<Record<string, RegExp>> = {
  '': /is no URL of a store/,
  'h:6379': /is no URL of a store.*redis:\/\/user:password@host/,
  [`postgres://weir:${secret}@h`]: /begins with "postgres:\/\/".*redis\+cluster/,
  [`redis://weir:${secret}/x@h`]: /an @ behind a \/.*%2F/,
  [`redis://weir:?${secret}@h`]: /an @ behind a \/ or \?.*%3F/,
  [`redis://weir:#${secret}@h`]: /is no URL of a store.*%23/,
  [`redis://weir:${secret}%@h`]: /has a % in its password/,
  [`redis://${secret}@h`]: /a user without a password/,
  [`redis://weir:${secret}@h:port`]: /has no host and port/,
  [`redis://weir:${secret}@h:70000`]: /has no host and port/,
  [`redis://weir:${secret}@h/first`]: /no number of a database/,
  [`redis://weir:${secret}@h/0/1`]: /no number of a database/,
  [`redis://weir:${secret}@h,i`]: /several hosts.*redis\+sentinel.*redis\+cluster/,
  [`redis://weir:${secret}@h?ssl_ca_certs=/ca`]: /"ssl_ca_certs", which is unknown here/,
  [`rediss://weir:${secret}@h?tls=1`]: /"tls".*ssl_ca_certs, ssl_certfile, ssl_keyfile/,
  [`rediss://weir:${secret}@h?ssl_certfile=/c`]: /one of ssl_certfile and ssl_keyfile/,
  [`redis+sentinel://weir:${secret}@h`]: /does not name the primary/,
  [`redis+cluster://weir:${secret}@h/1`]: /a cluster has but one/,
  'unix://': /names no socket|is no URL/,
}

describe('REDIS_URL', () => {
  for (const [url, target] of Object.entries(read))
    test(`is read: ${url}`, () => assert.deepEqual(readRedisUrl(url), target))

  for (const [url, message] of Object.entries(refused)) {
    test(`is refused, and told without its password: ${url}`, () => {
      assert.throws(
        () => readRedisUrl(url),
        (error: Error) => {
          assert.match(error.message, /REDIS_URL/)
          assert.match(error.message, message)
          assert.ok(!error.message.includes(secret), error.message)
          return true
        },
      )
    })
  }

  test('the last @ ends the password', () =>
    assert.equal(readRedisUrl(`redis://weir:${secret}@x@h`).password, `${secret}@x`))

  test('is shown without what is secret', () => {
    const shown = Object.keys(read).map((url) => showTarget(readRedisUrl(url)))
    assert.ok(!shown.some((text) => /pw|weir|pass|@/.test(text)), shown.join('\n'))
    assert.ok(shown.includes('rediss+sentinel://s-1:26379/counters/4'), shown.join('\n'))
    assert.ok(shown.includes('redis+cluster://h:6379,[::1]:7001'), shown.join('\n'))
  })
})
