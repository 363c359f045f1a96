import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cluster, type Edge, route, startEdge } from '../support/edge.ts'
import type { Sent } from '../support/http.ts'
import { encoded, expired, issuer, notYet, signedWith } from '../support/tokens.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let edge: Edge
let upstream: Upstream
let keys: Upstream

const id = issuer('https://id.example')
/** Says that it is the same issuer, and has other keys. */
const forger = issuer('https://id.example')
const other = issuer('https://other.example')

const jwt = (more: object = {}) => ({
  issuer: 'https://id.example',
  audiences: ['shop'],
  jwks: { cluster: 'keys', path: '/jwks.json', host: 'id.example' },
  ...more,
})
const inline = (set: string) => ({ jwks: { inline: set } })
const policy = (name: string, spec: object) => ({ kind: 'AuthPolicy', name, spec })
const guarded = (name: string, spec: object) => [
  policy(name, spec),
  route(name, `/${name}`, { auth: [name] }),
]

const pem = id.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const der = id.publicKey.export({ type: 'spki', format: 'der' })
const modulus = Buffer.from(id.publicKey.export({ format: 'jwk' }).n!, 'base64url')

before(async () => {
  upstream = await startUpstream('a')
  keys = await startUpstream('keys', (response) => response.end(id.jwks))
  edge = await startEdge()
  await edge.apply(
    cluster('a', upstream),
    cluster('keys', keys),
    route('open', '/'),
    ...guarded('remote', { jwt: jwt() }),
    ...guarded('inline', { jwt: jwt(inline(id.jwks)) }),
    ...guarded('kept', { jwt: jwt({ forward: true }) }),
    ...guarded('any-audience', { jwt: { issuer: 'https://id.example', ...inline(id.jwks) } }),
    ...guarded('headers', { jwt: jwt({ headers: { 'x-user': 'sub', 'x-country': 'address.country' } }) }),
    ...guarded('admin', { jwt: jwt({ claims: { role: ['admin', 'support'] } }) }),
    ...guarded('nested', { jwt: jwt({ claims: { 'realm.roles': ['admin'] } }) }),
    ...guarded('level', { jwt: jwt({ claims: { level: ['3', 'true'], scope: ['read'] } }) }),
    ...guarded('two-claims', { jwt: jwt({ claims: { role: ['admin'], team: ['orders'] } }) }),
    ...guarded('here', { allow: { ips: ['127.0.0.0/31', '2001:db8::/32'] } }),
    ...guarded('not-here', { deny: { ips: ['127.0.0.2'] } }),
    ...guarded('here-with-token', { jwt: jwt(), allow: { ips: ['127.0.0.1'] } }),
    ...guarded('reading', {
      allow: { methods: ['GET', 'HEAD'], paths: [{ prefix: '/reading/public' }, { exact: '/reading' }] },
    }),
    ...guarded('partner', {
      allow: {
        headers: [
          { name: 'x-partner', exact: 'a' },
          { name: 'x-debug', present: true, invert: true },
        ],
      },
      deny: { methods: ['DELETE'], headers: [{ name: 'x-all', present: true }] },
    }),
    ...guarded('watched', {
      mode: 'shadow',
      jwt: jwt({ claims: { role: ['admin'] } }),
      allow: { ips: ['10.0.0.0/8'] },
    }),
    ...guarded('certified', { allow: { certificates: [{ prefix: 'spiffe://' }] } }),
    ...guarded('keyed', { apiKey: { in: [{ header: 'x-api-key' }] } }),
    policy('other-issuer', { jwt: { issuer: 'https://other.example', ...inline(other.jwks) } }),
    route('both', '/both', { auth: ['admin', 'here'] }),
    route('same-token', '/same-token', { auth: ['inline', 'two-claims', 'kept'] }),
    route('never', '/never', { auth: ['remote', 'other-issuer'] }),
    route('watched-and-held', '/watched-and-held', { auth: ['watched', 'here'] }),
    route('answered', '/answered', { auth: ['remote'], respond: { status: 200, body: 'secret' } }),
    route(
      'across',
      { path: { prefix: '/across' }, methods: ['GET'] },
      {
        auth: ['remote'],
        cors: { allowOrigins: ['https://shop.example'] },
      },
    ),
  )
})

after(async () => {
  await edge?.stop()
  await upstream?.close()
  await keys?.close()
})

const bearer = (token: string, headers: Record<string, string> = {}) => ({
  authorization: `Bearer ${token}`,
  ...headers,
})

interface Case {
  what: string
  sent: Sent
  status: number
}

const good = id.token()
const unsigned = `${encoded({ alg: 'none', typ: 'JWT' })}.${good.split('.')[1]}.`
const with1 = (path: string, token: string, more: Partial<Sent> = {}): Sent => ({
  path,
  headers: bearer(token),
  ...more,
})

const tokens: Case[] = ['/remote', '/inline'].flatMap((path) => [
  { what: 'a good token', sent: with1(path, good), status: 200 },
  { what: 'a good token for several', sent: with1(path, id.token({ aud: ['desk', 'shop'] })), status: 200 },
  { what: 'no token', sent: { path }, status: 401 },
  { what: 'something else', sent: with1(path, 'a.b.c'), status: 401 },
  { what: 'another scheme', sent: { path, headers: { authorization: `Basic ${good}` } }, status: 401 },
  { what: 'the token in the query', sent: { path: `${path}?access_token=${good}` }, status: 401 },
  { what: 'a forged signature', sent: with1(path, forger.token()), status: 401 },
  {
    what: 'a forged signature, its key unnamed',
    sent: with1(path, forger.token({}, { kid: undefined })),
    status: 401,
  },
  {
    what: 'other claims under the signature',
    sent: with1(
      path,
      good.replace(/\.[^.]*\./, `.${encoded({ iss: 'https://id.example', aud: 'shop', sub: 'root' })}.`),
    ),
    status: 401,
  },
  { what: 'its signature cut off', sent: with1(path, good.replace(/[^.]*$/, '')), status: 401 },
  { what: 'an expired token', sent: with1(path, id.token(expired())), status: 401 },
  { what: 'a token of tomorrow', sent: with1(path, id.token(notYet())), status: 401 },
  { what: 'another issuer', sent: with1(path, id.token({ iss: 'https://other.example' })), status: 401 },
  { what: 'another audience', sent: with1(path, id.token({ aud: 'desk' })), status: 403 },
  { what: 'no audience', sent: with1(path, id.token({ aud: undefined })), status: 403 },
  { what: 'alg: none', sent: with1(path, unsigned), status: 401 },
  { what: 'alg: none with a signature', sent: with1(path, id.token({}, { alg: 'none' })), status: 401 },
  { what: 'alg: None', sent: with1(path, id.token({}, { alg: 'None' })), status: 401 },
  { what: 'HS256 with the public key as PEM', sent: with1(path, signedWith(pem, good)), status: 401 },
  { what: 'HS256 with the public key as DER', sent: with1(path, signedWith(der, good)), status: 401 },
  { what: 'HS256 with the modulus', sent: with1(path, signedWith(modulus, good)), status: 401 },
  { what: 'HS256 with the key set', sent: with1(path, signedWith(id.jwks, good)), status: 401 },
  { what: 'HS256 with nothing', sent: with1(path, signedWith('', good)), status: 401 },
  {
    what: 'a bad token before a good one',
    sent: {
      path,
      headers: ['host', 'x', 'authorization', 'Bearer a.b.c', 'authorization', `Bearer ${good}`],
    },
    status: 401,
  },
])

const from = '127.0.0.2'
const claims: Case[] = [
  { what: 'any audience', sent: with1('/any-audience', id.token({ aud: 'desk' })), status: 200 },
  { what: 'a value in a list', sent: with1('/admin', good), status: 200 },
  { what: 'a value by itself', sent: with1('/admin', id.token({ role: 'support' })), status: 200 },
  { what: 'another value', sent: with1('/admin', id.token({ role: 'reader' })), status: 403 },
  { what: 'part of a value', sent: with1('/admin', id.token({ role: 'admin2' })), status: 403 },
  { what: 'no such claim', sent: with1('/admin', id.token({ role: undefined })), status: 403 },
  { what: 'an empty list', sent: with1('/admin', id.token({ role: [] })), status: 403 },
  {
    what: 'the value inside of another claim',
    sent: with1('/admin', id.token({ role: { a: 'admin' } })),
    status: 403,
  },
  {
    what: 'a claim inside of another',
    sent: with1('/nested', id.token({ realm: { roles: ['admin'] } })),
    status: 200,
  },
  { what: 'a claim with a dot', sent: with1('/nested', id.token({ 'realm.roles': 'admin' })), status: 200 },
  { what: 'only one of two claims', sent: with1('/two-claims', good), status: 403 },
  { what: 'both of two claims', sent: with1('/two-claims', id.token({ team: 'orders' })), status: 200 },
  {
    what: 'a number and a part of scope',
    sent: with1('/level', id.token({ level: 3, scope: 'write read' })),
    status: 200,
  },
  { what: 'a boolean', sent: with1('/level', id.token({ level: true, scope: 'read' })), status: 200 },
  { what: 'another number', sent: with1('/level', id.token({ level: 4, scope: 'read' })), status: 403 },
  { what: 'not in the scope', sent: with1('/level', id.token({ level: 3, scope: 'read-all' })), status: 403 },
]

const rules: Case[] = [
  { what: 'an allowed address', sent: { path: '/here' }, status: 200 },
  { what: 'another address', sent: { path: '/here', from }, status: 403 },
  {
    what: 'an allowed address in x-forwarded-for',
    sent: { path: '/here', from, headers: { 'x-forwarded-for': '127.0.0.1' } },
    status: 403,
  },
  {
    what: 'another address in x-forwarded-for',
    sent: { path: '/here', headers: { 'x-forwarded-for': '10.0.0.1' } },
    status: 200,
  },
  { what: 'a denied address', sent: { path: '/not-here', from }, status: 403 },
  { what: 'no denied address', sent: { path: '/not-here' }, status: 200 },
  { what: 'the token, elsewhere', sent: with1('/here-with-token', good, { from }), status: 403 },
  { what: 'here, no token', sent: { path: '/here-with-token' }, status: 401 },
  { what: 'here, with the token', sent: with1('/here-with-token', good), status: 200 },
  { what: 'an allowed method and path', sent: { path: '/reading?a=/b' }, status: 200 },
  { what: 'an allowed method and path below', sent: { path: '/reading/public/x' }, status: 200 },
  { what: 'a path that starts alike', sent: { path: '/reading/publicly' }, status: 403 },
  { what: 'a path that leaves again', sent: { path: '/reading/public/../x' }, status: 403 },
  { what: 'another method', sent: { path: '/reading', method: 'POST' }, status: 403 },
  { what: 'the headers', sent: { path: '/partner', headers: { 'x-partner': 'a' } }, status: 200 },
  {
    what: 'a header that must not be',
    sent: { path: '/partner', headers: { 'x-partner': 'a', 'x-debug': '1' } },
    status: 403,
  },
  { what: 'no header', sent: { path: '/partner' }, status: 403 },
  {
    what: 'half of what is denied',
    sent: { path: '/partner', method: 'DELETE', headers: { 'x-partner': 'a' } },
    status: 200,
  },
  {
    what: 'all of what is denied',
    sent: { path: '/partner', method: 'DELETE', headers: { 'x-partner': 'a', 'x-all': '' } },
    status: 403,
  },
  { what: 'no certificate', sent: { path: '/certified' }, status: 403 },
  {
    what: 'a certificate that the client wrote',
    sent: { path: '/certified', headers: { 'x-forwarded-client-cert': 'URI=spiffe://a' } },
    status: 403,
  },
  { what: 'in shadow without a token', sent: { path: '/watched' }, status: 200 },
  { what: 'in shadow with a forged token', sent: with1('/watched', forger.token()), status: 200 },
]

const combinations: Case[] = [
  { what: 'both policies hold', sent: with1('/both', good), status: 200 },
  { what: 'the address only', sent: with1('/both', id.token({ role: 'reader' })), status: 403 },
  { what: 'the token only', sent: with1('/both', good, { from }), status: 403 },
  { what: 'neither', sent: { path: '/both', from }, status: 401 },
  {
    what: 'one token for three policies',
    sent: with1('/same-token', id.token({ team: 'orders' })),
    status: 200,
  },
  { what: 'a token for two of three policies', sent: with1('/same-token', good), status: 403 },
  { what: 'the one issuer of two', sent: with1('/never', good), status: 401 },
  { what: 'the other issuer of two', sent: with1('/never', other.token()), status: 401 },
  { what: 'one in shadow, the other holds', sent: { path: '/watched-and-held' }, status: 200 },
  {
    what: 'one in shadow, the other does not hold',
    sent: with1('/watched-and-held', good, { from }),
    status: 403,
  },
  { what: 'what the gateway answers itself', sent: { path: '/answered' }, status: 401 },
  {
    what: 'what is not delivered yet',
    sent: { path: '/keyed', headers: { 'x-api-key': 'any' } },
    status: 503,
  },
  {
    what: 'what only looks like a preflight',
    sent: {
      path: '/across',
      method: 'OPTIONS',
      headers: { origin: '', 'access-control-request-method': 'GET' },
    },
    status: 401,
  },
]

function table(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    for (const { what, sent, status } of cases) {
      test(`${sent.path.split('?')[0]}, ${what}: ${status}`, async () => {
        const before = upstream.seen.length
        const received = await edge.send(sent)
        assert.equal(received.status, status, received.body)
        assert.equal(upstream.seen.length - before, status === 200 ? 1 : 0, 'what reached the upstream')
        if (status === 401) assert.match(received.headers['www-authenticate'] ?? '', /^Bearer realm=/)
      })
    }
  })
}

table('tokens', tokens)
table('claims', claims)
table('rules', rules)
table('policies together', combinations)

describe('what the upstream gets', () => {
  test('no token, unless its policy forwards it', async () => {
    await edge.send(with1('/remote', good))
    assert.equal(upstream.seen.at(-1)!.headers.authorization, undefined)
    await edge.send(with1('/kept', good))
    assert.equal(upstream.seen.at(-1)!.headers.authorization, `Bearer ${good}`)
    await edge.send(with1('/open', good))
    assert.equal(upstream.seen.at(-1)!.headers.authorization, `Bearer ${good}`)
  })

  test('claims in headers, and never what clients write there', async () => {
    const spoofed = { 'x-user': 'root', 'x-country': 'nowhere' }
    const token = id.token({ sub: 'ada', address: { country: 'gb' } })
    await edge.send({ path: '/headers', headers: bearer(token, spoofed) })
    const { 'x-user': user, 'x-country': country } = upstream.seen.at(-1)!.headers
    assert.deepEqual([user, country], ['ada', 'gb'])
    await edge.send({ path: '/headers', headers: bearer(good, spoofed) })
    assert.equal(upstream.seen.at(-1)!.headers['x-country'], undefined)
    await edge.send({ path: '/open', headers: spoofed })
    assert.equal(upstream.seen.at(-1)!.headers['x-user'], undefined)
  })

  test('the keys are asked of their cluster once, under the name of their host', () => {
    assert.deepEqual(
      [...new Set(keys.seen.map(({ url, headers }) => `${headers.host}${url}`))],
      ['id.example/jwks.json'],
    )
  })

  test('what shadow would have refused is counted', async () => {
    const stats = await edge.envoy.stats('rbac')
    const denied = Object.entries(stats).filter(([name]) => name.endsWith('shadow_denied'))
    assert.ok(
      denied.some(([, count]) => count > 0),
      JSON.stringify(stats),
    )
  })
})
