import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { maxTextBytes } from '../../src/model/yaml.ts'
import { sample, startAdmin, type TestAdmin } from '../support/admin.ts'

interface Case {
  title: string
  body: string | Uint8Array | object
  type?: string
  status: number
  /** What one of the errors must look like. */
  error: { document?: number; pointer?: string; message: RegExp; remedy?: RegExp }
}

const gateway = (name: string, port: unknown, more: object = {}) => ({
  kind: 'Gateway',
  name,
  spec: { listeners: [{ name: 'http', port, protocol: 'http' }], ...more },
})
const clusterNamed = (name: string) => ({ kind: 'Cluster', name, spec: { endpoints: [] } })
const cluster = (spec: object) => ({ kind: 'Cluster', name: 'bad', spec })
const policy = (spec: object) => ({
  kind: 'RateLimitPolicy',
  name: 'bad',
  spec: { algorithm: 'fixed_window', limit: 1, window: '1m', key: [{ client_ip: true }], ...spec },
})
const route = (spec: object) => ({
  kind: 'Route',
  name: 'bad',
  spec: { gateways: ['edge'], match: { path: { prefix: '/' } }, forward: [{ cluster: 'echo' }], ...spec },
})
const json = 'application/json'
const bomb = [
  'a: &a [x,x,x,x,x,x,x,x,x,x]',
  ...'bcdefgh'.split('').map((letter, index) => {
    const before = 'abcdefg'[index]
    return `${letter}: &${letter} [${Array(10).fill(`*${before}`).join(',')}]`
  }),
].join('\n')

const cases: Case[] = [
  // What is no document at all.
  {
    title: 'broken YAML',
    body: 'kind: Gateway\nname: [edge\nspec: {}\n',
    status: 400,
    error: { document: 0, message: /^line 3, column 1: / },
  },
  {
    title: 'broken YAML in the second document',
    body: 'kind: Gateway\n---\na: b: c\n',
    status: 400,
    error: { document: 1, message: /^line 3, column 4: / },
  },
  {
    title: 'a tab in YAML',
    body: 'spec:\n\tport: 1\n',
    status: 400,
    error: { message: /^line 2, column 1: .*[Tt]ab/ },
  },
  {
    title: 'a key twice in YAML',
    body: 'kind: Route\nkind: Route\n',
    status: 400,
    error: { message: /^line 2, column 1: .*unique/ },
  },
  {
    title: 'an unknown tag',
    body: 'kind: !secret Route\n',
    status: 400,
    error: { message: /^line 1, column 7: .*tag/ },
  },
  { title: 'an alias bomb', body: bomb, status: 400, error: { message: /alias/i, remedy: /alias/ } },
  {
    title: 'an alias to what holds it',
    body: 'spec: &a { self: *a }\n',
    status: 400,
    error: { message: /nested deeper/ },
  },
  {
    title: 'an alias to nothing',
    body: 'spec: *nothing\n',
    status: 400,
    error: { message: /alias/, remedy: /anchor/ },
  },
  { title: 'deep YAML', body: '['.repeat(5_000), status: 400, error: { message: /nested deeper/ } },
  {
    title: 'deep JSON',
    body: '['.repeat(50_000) + ']'.repeat(50_000),
    type: json,
    status: 400,
    error: { message: /nested deeper/ },
  },
  {
    title: 'broken JSON',
    body: '{\n  "kind": "Route",\n}',
    type: json,
    status: 400,
    error: { document: 0, message: /^line 3, column 1: / },
  },
  {
    title: 'a stray word in JSON',
    body: '{\n "a": tru }',
    type: json,
    status: 400,
    error: { message: /^line 2, column 7: / },
  },
  {
    title: 'JSON that ends early',
    body: '{"kind": "Route"',
    type: json,
    status: 400,
    error: { message: /^line 1, column 17: / },
  },
  {
    title: 'a key twice in JSON',
    body: '{"kind":"Route",\n"k\\u0069nd":"Route"}',
    type: json,
    status: 400,
    error: { message: /^line 2, column 1: .*twice/ },
  },
  {
    title: 'YAML sent as JSON',
    body: sample,
    type: json,
    status: 400,
    error: { message: /^line 2, column 1: / },
  },
  {
    title: 'no UTF-8',
    body: new Uint8Array([0x61, 0xc3, 0xa4, 0x3a, 0x20, 0xff, 0x0a]),
    status: 400,
    error: { message: /byte 5 / },
  },
  {
    title: 'UTF-16',
    body: new Uint8Array(Buffer.from('\uFEFFkind: Route', 'utf16le')),
    status: 400,
    error: { message: /byte 0 / },
  },
  { title: 'an empty body', body: '', status: 422, error: { message: /no document/ } },
  { title: 'nothing but a comment', body: '# later\n---\n', status: 422, error: { message: /no document/ } },
  { title: 'an empty list', body: '[]', type: json, status: 422, error: { message: /no document/ } },
  {
    title: 'a scalar',
    body: 'hello',
    status: 422,
    error: { document: 0, pointer: '', message: /must be an object/ },
  },
  {
    title: 'a null in a list',
    body: '[null]',
    type: json,
    status: 422,
    error: { document: 0, pointer: '', message: /must be an object/ },
  },
  {
    title: 'a body of 16 MiB',
    body: new Uint8Array(16 * 1024 * 1024).fill(0x61),
    status: 413,
    error: { message: /8 MiB/ },
  },
  {
    title: 'a body of one byte too many',
    body: new Uint8Array(maxTextBytes + 1).fill(0x61),
    status: 413,
    error: { message: /8 MiB/ },
  },
  {
    title: 'text/plain',
    body: sample,
    type: 'text/plain',
    status: 415,
    error: { message: /text\/plain/, remedy: /application\/yaml/ },
  },
  {
    title: "curl's default type",
    body: sample,
    type: 'application/x-www-form-urlencoded',
    status: 415,
    error: { message: /form/ },
  },
  {
    title: 'another charset',
    body: sample,
    type: 'application/yaml; charset=latin1',
    status: 415,
    error: { message: /latin1/ },
  },

  // Documents that are not valid.
  {
    title: 'an unknown kind',
    body: { kind: 'Gatway', name: 'a', spec: {} },
    status: 422,
    error: { document: 0, pointer: '/kind', message: /"Gatway"/, remedy: /did you mean "Gateway"/ },
  },
  { title: 'no kind', body: { name: 'a' }, status: 422, error: { pointer: '/kind', message: /missing/ } },
  {
    title: 'no spec',
    body: { kind: 'Route', name: 'a' },
    status: 422,
    error: { pointer: '/spec', message: /missing/ },
  },
  {
    title: 'an unknown field',
    body: gateway('bad', 1, { rateLimitServce: {} }),
    status: 422,
    error: {
      pointer: '/spec/rateLimitServce',
      message: /unknown field/,
      remedy: /did you mean "rateLimitService"/,
    },
  },
  {
    title: 'an unknown field beside spec',
    body: { ...gateway('bad', 1), lables: {} },
    status: 422,
    error: { pointer: '/lables', message: /unknown field/, remedy: /did you mean "labels"/ },
  },
  {
    title: 'an unknown enum value',
    body: policy({ algorithm: 'fixed_windo' }),
    status: 422,
    error: { pointer: '/spec/algorithm', message: /fixed_windo/, remedy: /did you mean "fixed_window"/ },
  },
  {
    title: 'a duration without a unit',
    body: policy({ window: 60 }),
    status: 422,
    error: { pointer: '/spec/window', message: /must be a string/, remedy: /30s/ },
  },
  {
    title: 'a wrong unit',
    body: policy({ window: '1min' }),
    status: 422,
    error: { pointer: '/spec/window', message: /"1min"/, remedy: /ms, s, m, h/ },
  },
  {
    title: 'a duration out of bounds',
    body: cluster({ endpoints: [], connectTimeout: '10m' }),
    status: 422,
    error: { pointer: '/spec/connectTimeout', message: /longer than 5m/ },
  },
  {
    title: 'port 0',
    body: gateway('bad', 0),
    status: 422,
    error: { pointer: '/spec/listeners/0/port', message: /1/, remedy: /1 to 65535/ },
  },
  {
    title: 'port 70000',
    body: gateway('bad', 70_000),
    status: 422,
    error: { pointer: '/spec/listeners/0/port', message: /65535/ },
  },
  {
    title: 'a port as text',
    body: gateway('bad', '80'),
    status: 422,
    error: { pointer: '/spec/listeners/0/port', message: /must be an integer, not a string/ },
  },
  {
    title: 'a port twice in a gateway',
    body: {
      kind: 'Gateway',
      name: 'bad',
      spec: {
        listeners: [
          { name: 'a', port: 11_000, protocol: 'http' },
          { name: 'b', port: 11_000, protocol: 'http', address: '0.0.0.0' },
        ],
      },
    },
    status: 422,
    error: { pointer: '/spec/listeners/1/port', message: /bad\/a/, remedy: /another port/ },
  },
  {
    title: 'a port of another gateway',
    body: gateway('bad', 10_000),
    status: 422,
    error: { document: 0, pointer: '/spec/listeners/0/port', message: /edge\/http/ },
  },
  {
    title: 'a listener name twice',
    body: {
      kind: 'Gateway',
      name: 'bad',
      spec: {
        listeners: [
          { name: 'a', port: 1, protocol: 'http' },
          { name: 'a', port: 2, protocol: 'http' },
        ],
      },
    },
    status: 422,
    error: { pointer: '/spec/listeners/1/name', message: /twice/ },
  },
  {
    title: 'no address',
    body: cluster({ endpoints: [{ address: '300.1.1.1', port: 1 }] }),
    status: 422,
    error: { pointer: '/spec/endpoints/0/address', message: /no host name/ },
  },
  {
    title: 'a name of 5,000 letters',
    body: clusterNamed('a'.repeat(5_000)),
    status: 422,
    error: { pointer: '/name', message: /253/ },
  },
  {
    title: 'a name with a slash',
    body: clusterNamed('a/b'),
    status: 422,
    error: { pointer: '/name', message: /"a\/b"/ },
  },
  {
    title: 'a name in capitals',
    body: clusterNamed('Echo'),
    status: 422,
    error: { pointer: '/name', message: /"Echo"/, remedy: /a-z/ },
  },
  {
    title: 'a NUL',
    body: { ...clusterNamed('bad'), owner: 'a\u0000b' },
    status: 422,
    error: { pointer: '/owner', message: /NUL/ },
  },
  {
    title: 'a lone surrogate',
    body: '{"kind":"Cluster","name":"bad","owner":"\\ud800","spec":{"endpoints":[]}}',
    type: json,
    status: 422,
    error: { pointer: '/owner', message: /surrogate/ },
  },
  {
    title: 'a NUL in a key of an OpenAPI document',
    body: {
      kind: 'RequestPolicy',
      name: 'bad',
      spec: { openapi: { openapi: '3.1.0', paths: {}, 'x-a\u0000b': 1 } },
    },
    status: 422,
    error: { pointer: '/spec/openapi', message: /a key holds a NUL/ },
  },
  {
    title: 'an infinite number in an OpenAPI document',
    body: 'kind: RequestPolicy\nname: bad\nspec: { openapi: { openapi: 3.1.0, paths: {}, x-many: .inf } }\n',
    status: 422,
    error: { pointer: '/spec/openapi/x-many', message: /Infinity/, remedy: /finite/ },
  },
  {
    title: '__proto__ as a label',
    body: '{"kind":"Cluster","name":"bad","labels":{"__proto__":"x"},"spec":{"endpoints":[]}}',
    type: json,
    status: 422,
    error: { pointer: '/labels/__proto__', message: /not allowed/ },
  },
  {
    title: '__proto__ as a field',
    body: 'kind: Cluster\nname: bad\nspec: { endpoints: [], __proto__: { connectTimeout: 1s } }\n',
    status: 422,
    error: { pointer: '/spec/__proto__', message: /unknown field/ },
  },
  {
    title: 'an infinite number',
    body: 'kind: RateLimitPolicy\nname: bad\nspec: { algorithm: fixed_window, limit: .inf, window: 1m, key: [{ client_ip: true }] }\n',
    status: 422,
    error: { pointer: '/spec/limit', message: /must be an integer/ },
  },
  {
    title: 'weights of 0',
    body: route({ forward: [{ cluster: 'echo', weight: 0 }] }),
    status: 422,
    error: { pointer: '/spec/forward', message: /weights/ },
  },

  // Documents that do not fit the others.
  {
    title: 'a missing cluster',
    body: route({ forward: [{ cluster: 'echo' }, { cluster: 'nope' }] }),
    status: 422,
    error: { document: 0, pointer: '/spec/forward/1/cluster', message: /Cluster\/nope/, remedy: /create it/ },
  },
  {
    title: 'a missing gateway',
    body: route({ gateways: ['nope'] }),
    status: 422,
    error: { pointer: '/spec/gateways/0', message: /Gateway\/nope/ },
  },
  {
    title: 'a missing listener',
    body: route({ gateways: ['edge/partners'] }),
    status: 422,
    error: { pointer: '/spec/gateways/0', message: /listener "partners"/ },
  },
  {
    title: 'a missing policy',
    body: route({ rateLimits: ['nope'] }),
    status: 422,
    error: { pointer: '/spec/rateLimits/0', message: /RateLimitPolicy\/nope/ },
  },
  {
    title: 'an object twice in one request',
    body: [clusterNamed('twice'), clusterNamed('twice')],
    status: 422,
    error: { document: 1, pointer: '/name', message: /already document 0/ },
  },
  {
    title: 'a listener that goes while a route names it',
    body: [
      { kind: 'Gateway', name: 'two', spec: { listeners: [{ name: 'a', port: 12_000, protocol: 'http' }] } },
      route({ gateways: ['two/b'] }),
    ],
    status: 422,
    error: { document: 1, pointer: '/spec/gateways/0', message: /listener "b"/ },
  },
]

describe('bad input gets a clear answer, and nothing is written', () => {
  let admin: TestAdmin
  before(async () => {
    admin = await startAdmin()
    await admin.call('POST', '/v1/apply', sample)
  })
  after(() => admin.close())

  for (const { title, body, type, status, error } of cases) {
    test(`${status}: ${title}`, async () => {
      const before = await admin.revision()
      const answer = await admin.call(
        'POST',
        '/v1/apply',
        body,
        type === undefined ? {} : { 'content-type': type },
      )
      assert.equal(answer.status, status, answer.text)
      assert.match(answer.headers.get('content-type')!, /^application\/problem\+json/)
      assert.equal(answer.body.status, status)
      assert.match(answer.body.type, /^urn:weir:problem:[a-z_]+$/)
      const { errors } = answer.body as {
        errors: { document?: number; pointer: string; message: string; remedy: string }[]
      }
      assert.ok(errors.length > 0)
      assert.ok(
        errors.every(({ remedy, message }) => remedy !== '' && message !== '' && message.length < 500),
        answer.text,
      )
      const matching = errors.find(
        (one) =>
          error.message.test(one.message) &&
          (error.pointer === undefined || one.pointer === error.pointer) &&
          (error.document === undefined || one.document === error.document) &&
          (error.remedy === undefined || error.remedy.test(one.remedy)),
      )
      assert.ok(matching !== undefined, answer.text)
      assert.equal(await admin.revision(), before)
    })
  }

  test('422: all problems of all documents at once, in their order', async () => {
    const { status, body } = await admin.call('POST', '/v1/apply', [
      cluster({ endpoints: [{ address: 'x y', port: 0, weigth: 1 }], conectTimeout: '1s' }),
      clusterNamed('good'),
      route({
        forward: [{ cluster: 'bad' }, { cluster: 'nope' }, { cluster: 'good' }],
        gateways: ['nowhere'],
      }),
      { kind: 'Rout', name: 'r' },
    ])
    assert.equal(status, 422)
    const numbers = body.errors.map(({ document }: { document: number }) => document)
    assert.deepEqual(numbers, numbers.toSorted())
    const seen = body.errors.map(
      ({ document, pointer }: { document: number; pointer: string }) => `${document}${pointer}`,
    )
    assert.deepEqual(
      seen.sort(),
      [
        '0/spec/conectTimeout',
        '0/spec/endpoints/0/address',
        '0/spec/endpoints/0/port',
        '0/spec/endpoints/0/weigth',
        '2/spec/forward/1/cluster',
        '2/spec/gateways/0',
        '3/kind',
      ],
      'the reference to the refused cluster is no second problem',
    )
  })

  test('422: at most 1,000 problems are listed, and how many more there are', async () => {
    const documents = Array.from({ length: 1_500 }, () => ({ kind: 'Nothing', name: 'a' }))
    const { status, body } = await admin.call('POST', '/v1/apply', documents)
    assert.equal(status, 422)
    assert.equal(body.errors.length, 1_001)
    assert.match(body.errors.at(-1).message, /500 more problems/)
  })

  test('422: several wrong fields of one document are all told', async () => {
    const endpoints = Array.from({ length: 50 }, () => ({ address: '127.0.0.1', port: 0 }))
    const { body } = await admin.call('POST', '/v1/apply', cluster({ endpoints }))
    assert.equal(body.errors.length, 50)
  })

  test('400: headers for the history that are too long', async () => {
    const { status, body } = await admin.call('POST', '/v1/apply', clusterNamed('a'), {
      'weir-message': 'x'.repeat(2_001),
    })
    assert.equal(status, 400)
    assert.match(body.detail, /weir-message/)
  })
})
