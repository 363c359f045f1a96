import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Document } from '../../src/model/document.ts'
import { documentSchema } from '../../src/model/read-document.ts'
import { referencesOf } from '../../src/model/references.ts'
import { kinds } from '../../src/policies/index.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { type BadDocument, mistakes } from '../support/bad-documents.ts'
import { storefrontDocuments } from '../support/example.ts'
import { changed, valueAt } from '../support/schema-fields.ts'

const written = storefrontDocuments()
const named = (kind: string, name: string) =>
  written.find((each) => each.kind === kind && each.name === name)!

/** Each reference of the example, to nothing, to something near, and to an object of another kind. */
function badReferences(): BadDocument[] {
  const seen = new Set<string>()
  return written.flatMap((document) => {
    const found = referencesOf(kinds, document as Document & typeof document)
    return found.flatMap(({ pointer, kind, name, listener }): BadDocument[] => {
      const sort = `${document.kind}${pointer.replaceAll(/\d+/g, '*')} ${listener === undefined}`
      if (seen.has(sort)) return []
      seen.add(sort)
      const isObject = typeof valueAt(document, pointer) === 'object'
      const to = (title: string, target: string, remedy: RegExp): BadDocument => {
        const value = isObject
          ? { name: target, listener }
          : listener === undefined
            ? target
            : `${target}/${listener}`
        return {
          title: `${document.kind}${pointer}: ${title}`,
          document: changed(document, pointer, value),
          pointer,
          remedy,
        }
      }
      const stranger = written.find(
        (each) => each.kind !== kind && !written.some((one) => one.kind === kind && one.name === each.name),
      )!
      const near = `${name.slice(0, -1)}x`
      return [
        to('names nothing', 'zzzzzzzz', /create it in the same write/),
        to('names an object of another kind', stranger.name, /./),
        to('names something near', near, new RegExp(`did you mean "${name}"`)),
      ]
    })
  })
}

const gateway = (...listeners: object[]) => ({ kind: 'Gateway', name: 'bad', spec: { listeners } })
const plain = (name: string, port: number, more: object = {}) => ({ name, port, protocol: 'http', ...more })
const cluster = (spec: object) => ({ kind: 'Cluster', name: 'bad', spec: { endpoints: [], ...spec } })
const route = (spec: object) => ({
  kind: 'Route',
  name: 'bad',
  spec: {
    gateways: ['front'],
    match: { path: { prefix: '/' } },
    forward: [{ cluster: 'catalogue' }],
    ...spec,
  },
})
const without = (spec: object) => ({
  kind: 'Route',
  name: 'bad',
  spec: { gateways: ['front'], match: { path: { prefix: '/' } }, ...spec },
})
const matching = (match: object) => route({ match: { path: { prefix: '/' }, ...match } })
const policy = (spec: object) => ({ kind: 'RateLimitPolicy', name: 'bad', spec })
const fixed = (spec: object) =>
  policy({ algorithm: 'fixed_window', limit: 5, window: '1m', key: [{ client_ip: true }], ...spec })
const key = [{ client_ip: true }]
/** Of RFC 8037, appendix A.2. */
const publicKeys =
  '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'

const stripped = 'x-envoy-fault-abort-request'
const auth = (jwks: object) => ({ kind: 'AuthPolicy', name: 'bad', spec: { jwt: { issuer: 'me', jwks } } })
const consumer = (...apiKeys: object[]) => ({ kind: 'Consumer', name: 'bad', spec: { apiKeys } })
const certificate = (spec: object) => ({ kind: 'Certificate', name: 'bad', spec })
const pem = (named('Certificate', 'books-client').spec.pem ?? {}) as {
  certificate: string
  privateKey: string
}

/** What no schema says: title, document, pointer, remedy. */
type Case = [title: string, document: object, pointer: string, remedy: RegExp]

const byHand: Case[] = [
  [
    'an https listener without tls',
    gateway({ name: 'a', port: 1, protocol: 'https' }),
    '/spec/listeners/0/tls',
    /certificates/,
  ],
  [
    'an http listener with tls',
    gateway(plain('a', 1, { tls: { certificates: ['books'] } })),
    '/spec/listeners/0/tls',
    /https/,
  ],
  [
    'client certificates without a CA',
    gateway({
      name: 'a',
      port: 1,
      protocol: 'https',
      tls: { certificates: ['books'], clientCertificate: 'require' },
    }),
    '/spec/listeners/0/tls/clientCa',
    /clientCa/,
  ],
  ['a listener twice', gateway(plain('a', 1), plain('a', 2)), '/spec/listeners/1/name', /name of its own/],
  ['a port twice', gateway(plain('a', 1), plain('b', 1)), '/spec/listeners/1/port', /another port/],
  [
    'a port on all addresses and on one',
    gateway(plain('a', 1), plain('b', 1, { address: '0.0.0.0' })),
    '/spec/listeners/1/port',
    /another/,
  ],
  ['a port of another gateway', gateway(plain('a', 12_100)), '/spec/listeners/0/port', /another port/],
  [
    'neither endpoints nor gateway',
    { kind: 'Cluster', name: 'bad', spec: {} },
    '/spec',
    /exactly one of endpoints, gateway/,
  ],
  [
    'endpoints and gateway',
    cluster({ gateway: { name: 'back', listener: 'plain' } }),
    '/spec',
    /exactly one/,
  ],
  [
    'a listener that is not there',
    { kind: 'Cluster', name: 'bad', spec: { gateway: { name: 'back', listener: 'plan' } } },
    '/spec/gateway',
    /did you mean "back\/plain"/,
  ],
  [
    'an endpoint twice',
    cluster({
      endpoints: [
        { address: '127.0.0.1', port: 1 },
        { address: '127.0.0.1', port: 1 },
      ],
    }),
    '/spec/endpoints/1',
    /once/,
  ],
  [
    'a hash without its name',
    cluster({ loadBalancing: { policy: 'maglev', hash: [{ on: 'header' }] } }),
    '/spec/loadBalancing/hash/0/name',
    /add it/,
  ],
  [
    'a client_ip hash with a name',
    cluster({ loadBalancing: { policy: 'maglev', hash: [{ on: 'client_ip', name: 'x' }] } }),
    '/spec/loadBalancing/hash/0/name',
    /remove/,
  ],
  [
    'a hash that nothing uses',
    cluster({ loadBalancing: { hash: [{ on: 'client_ip' }] } }),
    '/spec/loadBalancing/hash',
    /ring_hash/,
  ],
  [
    'ring_hash without a hash',
    cluster({ loadBalancing: { policy: 'ring_hash' } }),
    '/spec/loadBalancing/hash',
    /add hash/,
  ],
  ['no action', without({}), '/spec', /exactly one of forward, redirect, respond/],
  ['two actions', route({ respond: { status: 200 } }), '/spec', /exactly one/],
  ['three actions', route({ respond: { status: 200 }, redirect: { status: 301 } }), '/spec', /exactly one/],
  ['an empty redirect', without({ redirect: {} }), '/spec/redirect', /./],
  ['no path', route({ match: { path: {} } }), '/spec/match/path', /exactly one of prefix, exact, regex/],
  ['two paths', route({ match: { path: { prefix: '/', exact: '/a' } } }), '/spec/match/path', /exactly one/],
  [
    'a header matcher with two conditions',
    matching({ headers: [{ name: 'a', exact: 'b', prefix: 'c' }] }),
    '/spec/match/headers/0',
    /exactly one of exact/,
  ],
  [
    'a header matcher without a condition',
    matching({ headers: [{ name: 'a' }] }),
    '/spec/match/headers/0',
    /exactly one of exact/,
  ],
  [
    'a query matcher with two conditions',
    matching({ query: [{ name: 'a', exact: 'b', present: true }] }),
    '/spec/match/query/0',
    /exactly one/,
  ],
  [
    'a cookie matcher with two conditions',
    matching({ cookies: [{ name: 'a', regex: 'b', suffix: 'c' }] }),
    '/spec/match/cookies/0',
    /exactly one/,
  ],
  [
    'a look-ahead in a header',
    matching({ headers: [{ name: 'a', regex: '(?=a)' }] }),
    '/spec/match/headers/0/regex',
    /RE2/,
  ],
  ['a method twice', matching({ methods: ['GET', 'GET'] }), '/spec/match/methods', /./],
  ['weights of 0', route({ forward: [{ cluster: 'catalogue', weight: 0 }] }), '/spec/forward', /above 0/],
  [
    'a listener that no gateway has',
    route({ gateways: ['front/plane'] }),
    '/spec/gateways/0',
    /did you mean "front\/plain"/,
  ],
  [
    'a query in a path',
    route({ match: { path: { exact: '/a?b=1' } } }),
    '/spec/match/path/exact',
    /no query/,
  ],
  [
    'rateLimits on a respond route',
    without({ respond: { status: 200 }, rateLimits: ['per-reader'] }),
    '/spec/rateLimits',
    /forward/,
  ],
  [
    'rateLimits on a redirect route',
    without({ redirect: { host: 'a' }, rateLimits: ['per-reader'] }),
    '/spec/rateLimits',
    /forward/,
  ],
  [
    'mirror on a respond route',
    without({ respond: { status: 200 }, mirror: { cluster: 'catalogue' } }),
    '/spec/mirror',
    /remove/,
  ],
  [
    'rewrite on a redirect route',
    without({ redirect: { host: 'a' }, rewrite: { prefix: '/' } }),
    '/spec/rewrite',
    /remove/,
  ],
  [
    'retry on a redirect route',
    without({ redirect: { host: 'a' }, retry: { attempts: 1, on: ['5xx'] } }),
    '/spec/retry',
    /remove/,
  ],
  [
    'timeout on a respond route',
    without({ respond: { status: 200 }, timeout: '1s' }),
    '/spec/timeout',
    /remove/,
  ],
  [
    'two rewrites',
    route({ rewrite: { prefix: '/', regex: 'a', substitution: 'b' } }),
    '/spec/rewrite',
    /exactly one/,
  ],
  [
    'a substitution by a group that is not there',
    route({ rewrite: { regex: '^/(a)', substitution: '/\\2' } }),
    '/spec/rewrite/substitution',
    /groups/,
  ],
  [
    'retriable_status_codes without codes',
    route({ retry: { attempts: 1, on: ['retriable_status_codes'] } }),
    '/spec/retry/statusCodes',
    /\[409\]/,
  ],
  [
    'codes without retriable_status_codes',
    route({ retry: { attempts: 1, on: ['5xx'], statusCodes: [409] } }),
    '/spec/retry/on',
    /add retriable_status_codes/,
  ],
  [
    'a new host among the headers',
    route({ headers: { request: { set: { host: 'a.example' } } } }),
    '/spec/headers/request/set/host',
    /remove/,
  ],
  ...['content-length', 'transfer-encoding', 'connection'].map(
    (name): Case => [
      `a new ${name}`,
      route({ headers: { request: { set: { [name]: '5' } } } }),
      `/spec/headers/request/set/${name}`,
      /remove/,
    ],
  ),
  [
    'taking content-length away',
    route({ headers: { response: { remove: ['content-length'] } } }),
    '/spec/headers/response/remove/0',
    /remove/,
  ],
  [
    'a host in an answer',
    without({ respond: { status: 200, headers: { host: 'a' } } }),
    '/spec/respond/headers/host',
    /remove/,
  ],
  ...['%PROTOCOL:5%', '%REQ(a?b?c)%', '%REQ%', '%TRACE_ID(a)%', '€'.repeat(8_192)].map(
    (value): Case => [
      `the substitution ${value.slice(0, 20)}`,
      route({ headers: { request: { set: { 'x-a': value } } } }),
      '/spec/headers/request/set/x-a',
      /./,
    ],
  ),
  [
    'a substitution with a query',
    route({ rewrite: { regex: '^/a', substitution: '/b?c=1' } }),
    '/spec/rewrite/substitution',
    /without a query/,
  ],
  [
    'a line break in a substitution',
    route({ rewrite: { regex: '^/a', substitution: '/b\n' } }),
    '/spec/rewrite/substitution',
    /./,
  ],
  [
    'a cookie whose name is none',
    route({
      forward: [{ cluster: 'catalogue' }, { cluster: 'catalogue-next' }],
      hash: [{ on: 'cookie', name: '%REQ(x-evil)%', ttl: '1h' }],
    }),
    '/spec/hash/0/name',
    /letters/,
  ],
  [
    'a regex that takes no path',
    route({ match: { path: { regex: 'v1/.*' } } }),
    '/spec/match/path/regex',
    /write \/v1/,
  ],
  [
    'a query parameter that no URL has',
    matching({ query: [{ name: 'a', exact: '\u00e9' }] }),
    '/spec/match/query/0/exact',
    /%C3%A9/,
  ],
  [
    'a location that is no host',
    without({ redirect: { host: 'a:b:c][' } }),
    '/spec/redirect/host',
    /host name/,
  ],
  [
    'a lone percent sign in a header',
    route({ headers: { response: { set: { 'x-load': '100%' } } } }),
    '/spec/headers/response/set/x-load',
    /./,
  ],
  [
    'a substitution that reads the proxy’s machine',
    route({ headers: { response: { set: { 'x-key': '%ENVIRONMENT(SECRET)%' } } } }),
    '/spec/headers/response/set/x-key',
    /./,
  ],
  [
    'credentials for every origin',
    route({ cors: { allowOrigins: ['*'], allowCredentials: true } }),
    '/spec/cors/allowOrigins',
    /list the origins/,
  ],
  [
    'cors on a respond route',
    without({ respond: { status: 200 }, cors: { allowOrigins: ['*'] } }),
    '/spec/cors',
    /remove/,
  ],
  ['a body of a 204', without({ respond: { status: 204, body: 'a' } }), '/spec/respond/body', /remove/],
  [
    'a sticky route without a split',
    route({ hash: [{ on: 'client_ip' }] }),
    '/spec/hash',
    /loadBalancing\.hash/,
  ],
  [
    'a given cookie beside another hash',
    route({
      forward: [{ cluster: 'catalogue' }, { cluster: 'catalogue-next' }],
      hash: [{ on: 'cookie', name: 'a', ttl: '1h' }, { on: 'client_ip' }],
    }),
    '/spec/hash/0/ttl',
    /ttl/,
  ],
  [
    'a life of a header',
    route({
      forward: [{ cluster: 'catalogue' }, { cluster: 'catalogue-next' }],
      hash: [{ on: 'header', name: 'a', ttl: '1h' }],
    }),
    '/spec/hash/0/ttl',
    /remove/,
  ],
  [
    'an inverted regex on a query parameter',
    matching({ query: [{ name: 'a', regex: 'b', invert: true }] }),
    '/spec/match/query/0/invert',
    /higher priority/,
  ],
  [
    'an inverted condition that an empty header fulfils',
    matching({ headers: [{ name: 'a', regex: 'b*', invert: true }] }),
    '/spec/match/headers/0/invert',
    /present: true/,
  ],
  [
    'a regex beyond ASCII',
    route({ match: { path: { regex: '/caf\u00e9' } } }),
    '/spec/match/path/regex',
    /RE2/,
  ],
  ['a regex rewrite without substitution', route({ rewrite: { regex: 'a' } }), '/spec/rewrite', /both/],
  ['a policy twice', route({ rateLimits: ['per-reader', 'per-reader'] }), '/spec/rateLimits', /./],
  [
    'two places of a key in one item',
    { kind: 'AuthPolicy', name: 'bad', spec: { apiKey: { in: [{ header: 'a', query: 'b' }] } } },
    '/spec/apiKey/in/0',
    /exactly one of header/,
  ],
  [
    'jwks twice',
    auth({ inline: publicKeys, cluster: 'catalogue', path: '/' }),
    '/spec/jwt/jwks',
    /exactly one/,
  ],
  ['jwks without a key', auth({ inline: '{"keys":[]}' }), '/spec/jwt/jwks/inline', /public keys/],
  [
    'jwks with a secret',
    auth({ inline: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' }),
    '/spec/jwt/jwks/inline',
    /public keys/,
  ],
  ['jwks on a cluster without a path', auth({ cluster: 'catalogue' }), '/spec/jwt/jwks', /both/],
  [
    'no limit for fixed_window',
    policy({ algorithm: 'fixed_window', window: '1m', key }),
    '/spec/limit',
    /add/,
  ],
  ['no rate for leaky_bucket', policy({ algorithm: 'leaky_bucket', queue: 1, key }), '/spec/rate', /add/],
  ['capacity for fixed_window', fixed({ capacity: 5 }), '/spec/capacity', /limit and window/],
  [
    'refill for sliding_window',
    fixed({ algorithm: 'sliding_window', refill: { tokens: 1, every: '1s' } }),
    '/spec/refill',
    /limit and window/,
  ],
  [
    'a limit for token_bucket',
    policy({ algorithm: 'token_bucket', capacity: 1, refill: { tokens: 1, every: '1s' }, limit: 1, key }),
    '/spec/limit',
    /capacity and refill/,
  ],
  [
    'numbers of another algorithm for a plan',
    fixed({ plans: { patron: { queue: 5 } } }),
    '/spec/plans/patron/queue',
    /limit and window/,
  ],
  [
    'numbers of another algorithm in an override',
    fixed({ overrides: [{ match: { route: 'books' }, capacity: 5 }] }),
    '/spec/overrides/0/capacity',
    /limit and window/,
  ],
  [
    'an override without numbers',
    fixed({ overrides: [{ match: { route: 'books' } }] }),
    '/spec/overrides/0',
    /number/,
  ],
  [
    'an override that matches two things',
    fixed({ overrides: [{ match: { route: 'books', plan: 'patron' }, limit: 1 }] }),
    '/spec/overrides/0/match',
    /exactly one of consumer/,
  ],
  [
    'an override for no address',
    fixed({ overrides: [{ match: { client_ip: 'me' }, limit: 1 }] }),
    '/spec/overrides/0/match/client_ip',
    /IP address/,
  ],
  [
    'an override for no network',
    fixed({ overrides: [{ match: { client_ip: { cidr: '10.0.0.0/40' } }, limit: 1 }] }),
    '/spec/overrides/0/match/client_ip/cidr',
    /./,
  ],
  [
    'an override for an IPv4 network in IPv6',
    fixed({ overrides: [{ match: { client_ip: { cidr: '::ffff:10.0.0.0/104' } }, limit: 1 }] }),
    '/spec/overrides/0/match/client_ip/cidr',
    /./,
  ],
  [
    'an override for a method in lower case',
    fixed({ overrides: [{ match: { method: 'post' }, limit: 1 }] }),
    '/spec/overrides/0/match/method',
    /upper case, for example GET/,
  ],
  [
    'an override for a header in upper case',
    fixed({ overrides: [{ match: { header: { 'X-Tier': 'gold' } }, limit: 1 }] }),
    '/spec/overrides/0/match/header/X-Tier',
    /^write it in lower case: "x-tier"$/,
  ],
  [
    'an override for a cookie of no name',
    fixed({ overrides: [{ match: { cookie: { 'a b': 'gold' } }, limit: 1 }] }),
    '/spec/overrides/0/match/cookie/a b',
    /cookie/,
  ],
  [
    'a key by a cookie of no name',
    fixed({ key: [{ cookie: 'a b' }] }),
    '/spec/key/0/cookie',
    /name of a cookie/,
  ],
  ...[
    ['key', { key: [{ header: stripped }] }, '/spec/key/0/header'] as const,
    ['cost', { cost: { header: stripped } }, '/spec/cost/header'] as const,
    [
      'override',
      { overrides: [{ match: { header: { [stripped]: '1' } }, limit: 1 }] },
      `/spec/overrides/0/match/header/${stripped}`,
    ] as const,
  ].map(([what, spec, pointer]): Case => [`a ${what} by a stripped header`, fixed(spec), pointer, /another/]),
  ...Object.entries({
    'X-Why': /^write it in lower case: "x-why"$/,
    'content-length': /^remove it$/,
    'grpc-status': /as body/,
    'grpc-message': /as body/,
    'grpc-status-details-bin': /as body/,
    ratelimit: /another name/,
    'ratelimit-policy': /another name/,
    'x-ratelimit-reset': /xRateLimitHeaders: true/,
    'x-envoy-overloaded': /another name/,
    'content-encoding': /^remove it$/,
  }).map(
    ([name, remedy]): Case => [
      `a refusal with ${name}`,
      fixed({ response: { headers: { [name]: '1' } } }),
      `/spec/response/headers/${name}`,
      remedy,
    ],
  ),
  [
    'two parts in one item of a key',
    fixed({ key: [{ client_ip: true, header: 'a' }] }),
    '/spec/key/0',
    /exactly one of header/,
  ],
  ['a key part twice', fixed({ key: [{ header: 'a' }, { header: 'a' }] }), '/spec/key/1', /once/],
  ['a cost above the limit', fixed({ cost: 6 }), '/spec/cost', /lower the cost/],
  [
    'a cost above the capacity',
    policy({ algorithm: 'token_bucket', capacity: 2, refill: { tokens: 1, every: '1s' }, cost: 3, key }),
    '/spec/cost',
    /lower/,
  ],
  [
    'a key id twice',
    consumer({ id: 'a', value: 'a-long-enough-key' }, { id: 'a', value: 'another-long-key' }),
    '/spec/apiKeys/1/id',
    /id of its own/,
  ],
  [
    'an API key that this server does not have',
    consumer({ id: 'a', value: { secretRef: '00000000-0000-4000-8000-000000000000' } }),
    '/spec/apiKeys/0/value',
    /write the API key itself/,
  ],
  [
    'a private key that this server does not have',
    certificate({ pem: { ...pem, privateKey: { secretRef: '00000000-0000-4000-8000-000000000000' } } }),
    '/spec/pem/privateKey',
    /write the private key itself/,
  ],
  [
    'a secretRef that is none',
    consumer({ id: 'a', value: { secretRef: 'x' } }),
    '/spec/apiKeys/0/value',
    /secretRef/,
  ],
  [
    'pem and acme',
    certificate({ pem, acme: named('Certificate', 'books').spec.acme }),
    '/spec',
    /exactly one of pem, acme/,
  ],
  ['neither pem nor acme', certificate({}), '/spec', /exactly one of pem, acme/],
  [
    'a key as a certificate',
    certificate({ pem: { certificate: pem.privateKey } }),
    '/spec/pem/certificate',
    /BEGIN CERTIFICATE/,
  ],
  [
    'a certificate as a key',
    certificate({ pem: { ...pem, privateKey: pem.certificate } }),
    '/spec/pem/privateKey',
    /private key/,
  ],
  [
    'certificateFile over HTTP',
    certificate({ pem: { ...pem, certificateFile: 'a.pem' } }),
    '/spec/pem/certificateFile',
    /as "certificate"; only the CLI/,
  ],
  [
    'privateKeyFile over HTTP',
    certificate({ pem: { ...pem, privateKeyFile: 'a.key' } }),
    '/spec/pem/privateKeyFile',
    /as "privateKey"; only the CLI/,
  ],
  ['a misspelt kind', { kind: 'Clutser', name: 'bad', spec: {} }, '/kind', /did you mean "Cluster"/],
  ['no kind', { name: 'bad', spec: {} }, '/kind', /one of: Gateway/],
  ['a list as a document', ['a'], '', /kind, name and spec/],
]

const table: BadDocument[] = [
  ...kinds.flatMap((kind) => mistakes(kind.kind, documentSchema(kind), written)),
  ...badReferences(),
  ...byHand.map(([title, document, pointer, remedy]) => ({ title, document, pointer, remedy })),
]

interface Told {
  document?: number
  pointer: string
  message: string
  remedy: string
}

/** What the answer should have said of a document and did not, or said and should not have. */
function objections(
  { title, pointer, also = [], remedy = /./ }: BadDocument,
  told: readonly Told[],
  alone: boolean,
): string[] {
  const hit = told.find((one) => one.pointer === pointer)
  const shown = `${title}: ${JSON.stringify(told.slice(0, 3)).slice(0, 400)}`
  if (hit === undefined) return [`nothing at ${pointer}: ${shown}`]
  if (hit.remedy === '' || hit.message === '' || !remedy.test(hit.remedy)) return [`remedy: ${shown}`]
  const odd = told.filter((one) => !one.pointer.startsWith(pointer) && !also.includes(one.pointer))
  return alone && odd.length > 0 ? [`more than asked: ${shown}`] : []
}

describe('bad documents', () => {
  let admin: TestAdmin
  let revision: number
  before(async () => {
    admin = await startAdmin()
    const { status, text } = await admin.call('POST', '/v1/apply', written)
    assert.equal(status, 200, text)
    revision = await admin.revision()
  })
  after(() => admin.close())

  test('the table holds more than 150, of every kind', () => {
    assert.ok(table.length >= 150, String(table.length))
    for (const { kind } of kinds)
      assert.ok(
        table.some(({ title }) => title.startsWith(kind)),
        kind,
      )
  })

  test('each by itself: 422 at the right place with the right remedy', async () => {
    const wrong: string[] = []
    for (const bad of table) {
      const { status, body } = await admin.call('POST', '/v1/apply', [bad.document])
      if (status !== 422) wrong.push(`${status}: ${bad.title}`)
      else {
        wrong.push(...objections(bad, body.errors, true))
        if (body.errors.some(({ document }: Told) => document !== 0))
          wrong.push(`document number: ${bad.title}`)
      }
    }
    assert.deepEqual(wrong, [])
    assert.equal(await admin.revision(), revision)
  })

  test('many in one request: each is told by its number', async () => {
    const wrong: string[] = []
    for (let start = 0; start < table.length; start += 200) {
      const batch = table.slice(start, start + 200)
      const documents = batch.map(({ document, pointer }, index) => {
        const keepsName = pointer === '/name' || !Object.hasOwn(document, 'name')
        return keepsName ? document : { ...document, name: `bad-${start + index}` }
      })
      const { status, body } = await admin.call('POST', '/v1/apply', documents)
      assert.equal(status, 422)
      for (const [index, bad] of batch.entries()) {
        wrong.push(
          ...objections(
            bad,
            body.errors.filter(({ document }: Told) => document === index),
            false,
          ),
        )
      }
    }
    assert.deepEqual(wrong, [])
    assert.equal(await admin.revision(), revision)
  })

  test('an object twice in a request is told on the second, which says the first', async () => {
    const wrong = kinds.map(({ kind }) => written.find((each) => each.kind === kind)!)
    for (const document of wrong) {
      const { status, body } = await admin.call('POST', '/v1/apply', [document, document])
      assert.equal(status, 422)
      const { errors } = body as { errors: Told[] }
      assert.deepEqual(
        errors.map((one) => [one.document, one.pointer, one.remedy]),
        [[1, '/name', 'write each object once']],
      )
    }
    assert.equal(await admin.revision(), revision)
  })
})
