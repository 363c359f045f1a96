import { http2Request } from './http2-frames.ts'

/**
 * One attack on the way in, as bytes of one connection. `/admin` (and all of inside.example) is guarded: whoever meets
 * its route gets a 429. Everything else goes to the open service, which must see normal forms alone.
 */
export interface HostileRequest {
  title: string
  /** Where it is from: a section of a standard, a CVE, a paper. */
  source: string
  bytes: string | Uint8Array
  /** Statuses of all answers on the connection, in order; of HTTP/2 none is read. */
  statuses?: number[]
  /** What the open service sees, as `METHOD URL`. */
  open?: string[]
  /** Or nothing: the head is passed on before the body turns out to be wrong, if a connection is there at once. */
  isCut?: boolean
  /** Headers of the first request there: a value, or `null` for none. */
  headers?: Record<string, string | null | typeof sender>
}

/** Stands for the address from which the bytes are sent. */
export const sender = Symbol('sender')

interface Parts {
  method?: string
  target?: string
  host?: string | null
  version?: string
  headers?: string[]
  body?: string
}

/** A request in HTTP/1.1, exactly as told. */
function http1({ method = 'GET', target = '/', host = 'shop.example', ...more }: Parts): string {
  const { version = 'HTTP/1.1', headers = [], body = '' } = more
  const lines = [`${method} ${target} ${version}`, ...(host === null ? [] : [`Host: ${host}`]), ...headers]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** What an attacker would like to be taken for a request of its own. */
const smuggled = http1({ target: '/admin/smuggled' })

const [rfc9112, rfc9110, rfc9113, rfc3986] = ['RFC 9112', 'RFC 9110', 'RFC 9113', 'RFC 3986']
const desync = 'PortSwigger, HTTP Desync Attacks: Request Smuggling Reborn (2019)'
const http2Paper = 'PortSwigger, HTTP/2: The Sequel is Always Worse (2021)'
const orange = 'Orange Tsai, Breaking Parser Logic! (Black Hat USA 2018)'
const powered = 'PortSwigger, Browser-Powered Desync Attacks (2022)'

/** Envoy does not know the coding. */
const unknown = { statuses: [501] }

const cut = { statuses: [400], open: ['POST /'], isCut: true }

/** Envoy takes the body for what it is, passes it on in plain form, and the rest is a request like any other. */
const plainForm = { statuses: [200, 429], open: ['POST /'] }

type Framing = [
  title: string,
  source: string,
  headers: string[],
  body: string,
  more?: Partial<HostileRequest>,
]

/** Two ways to say where a body ends, of which two servers may believe different ones. */
const framing: Framing[] = [
  [
    'CL.TE: a content-length and chunks',
    `${rfc9112}, 6.3; ${desync}`,
    ['Content-Length: 6', 'Transfer-Encoding: chunked'],
    `0\r\n\r\n${smuggled}`,
  ],
  [
    'TE.CL: chunks and a content-length of less',
    `${rfc9112}, 6.3; ${desync}`,
    ['Content-Length: 4', 'Transfer-Encoding: chunked'],
    `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
  ],
  [
    'two content-lengths that differ',
    `${rfc9112}, 6.3`,
    ['Content-Length: 0', `Content-Length: ${smuggled.length}`],
    smuggled,
  ],
  ['a list of content-lengths that differ', `${rfc9112}, 6.3`, ['Content-Length: 0, 5'], `hello${smuggled}`],
  ['a content-length with a sign', `${rfc9110}, 8.6`, ['Content-Length: +5'], `hello${smuggled}`],
  ['a negative content-length', `${rfc9110}, 8.6`, ['Content-Length: -1'], smuggled],
  ['a content-length in hexadecimals', `${rfc9110}, 8.6`, ['Content-Length: 0x5'], `hello${smuggled}`],
  [
    'a content-length beyond 64 bits',
    `${rfc9110}, 8.6; CWE-190`,
    ['Content-Length: 18446744073709551621'],
    `hello${smuggled}`,
  ],
  [
    'a space in a content-length',
    `${rfc9110}, 8.6; CVE-2018-7159`,
    ['Content-Length: 1 1'],
    `hello world${smuggled}`,
  ],
  [
    'TE.TE: an unknown coding',
    `${rfc9112}, 6.1; ${desync}`,
    ['Transfer-Encoding: xchunked'],
    `0\r\n\r\n${smuggled}`,
    unknown,
  ],
  [
    'TE.TE: chunked is not the last coding',
    `${rfc9112}, 6.3`,
    ['Transfer-Encoding: chunked, identity'],
    `0\r\n\r\n${smuggled}`,
    unknown,
  ],
  [
    'TE.TE: two lines of transfer-encoding',
    `${rfc9112}, 6.3; ${desync}`,
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: cow'],
    `0\r\n\r\n${smuggled}`,
    unknown,
  ],
  [
    'TE.TE: a space before the colon',
    `${rfc9112}, 5.1; CVE-2019-16869`,
    ['Transfer-Encoding : chunked'],
    `0\r\n\r\n${smuggled}`,
  ],
  [
    'TE.TE: a vertical tab before the coding',
    `${rfc9110}, 5.5; ${desync}`,
    ['Transfer-Encoding: \x0bchunked'],
    `0\r\n\r\n${smuggled}`,
  ],
  [
    'TE.TE: the coding on a folded line',
    `${rfc9112}, 5.2; ${desync}`,
    ['Transfer-Encoding:\r\n chunked'],
    `0\r\n\r\n${smuggled}`,
    plainForm,
  ],
  [
    'TE.TE: the coding in quotes',
    `${rfc9112}, 7`,
    ['Transfer-Encoding: "chunked"'],
    `0\r\n\r\n${smuggled}`,
    unknown,
  ],
  [
    'TE.TE: hidden behind a line feed',
    `${rfc9112}, 2.2; ${desync}`,
    ['X: y\nTransfer-Encoding: chunked'],
    `0\r\n\r\n${smuggled}`,
    plainForm,
  ],
  [
    'a chunk with a negative size',
    `${rfc9112}, 7.1`,
    ['Transfer-Encoding: chunked'],
    `-1\r\n${smuggled}`,
    cut,
  ],
  [
    'a chunk size with 0x',
    `${rfc9112}, 7.1`,
    ['Transfer-Encoding: chunked'],
    `0x5\r\nhello\r\n0\r\n\r\n${smuggled}`,
    cut,
  ],
  [
    'a chunk size beyond 64 bits',
    `${rfc9112}, 7.1; CVE-2013-2028`,
    ['Transfer-Encoding: chunked'],
    `10000000000000005\r\nhello\r\n0\r\n\r\n${smuggled}`,
    cut,
  ],
  [
    'a chunk longer than it says',
    `${rfc9112}, 7.1`,
    ['Transfer-Encoding: chunked'],
    `5\r\nhello!!\r\n0\r\n\r\n${smuggled}`,
    plainForm,
  ],
  [
    'a chunk extension with a bare line feed',
    `${rfc9112}, 7.1.1; CVE-2025-55315`,
    ['Transfer-Encoding: chunked'],
    `5;a\nb\r\nhello\r\n0\r\n\r\n${smuggled}`,
    cut,
  ],
  [
    'a line feed alone after a chunk size',
    `${rfc9112}, 7.1`,
    ['Transfer-Encoding: chunked'],
    `5\nhello\r\n0\r\n\r\n${smuggled}`,
    cut,
  ],
  [
    'a carriage return alone after a chunk size',
    `${rfc9112}, 7.1`,
    ['Transfer-Encoding: chunked'],
    `5\rhello\r\n0\r\n\r\n${smuggled}`,
    cut,
  ],
  [
    'a trailer that would be another header',
    `${rfc9112}, 7.1.2; ${rfc9110}, 6.5.1`,
    ['Transfer-Encoding: chunked', 'Trailer: X-Envoy-Internal'],
    `0\r\nX-Envoy-Internal: true\r\nContent-Length: 5\r\n\r\n${smuggled}`,
    { ...plainForm, headers: { 'x-envoy-internal': null, 'content-length': null } },
  ],
  [
    'a content-length of one connection',
    `${rfc9110}, 7.6.1; CWE-444`,
    ['Connection: Content-Length', `Content-Length: ${smuggled.length}`],
    smuggled,
    {
      statuses: [200],
      open: ['POST /'],
      headers: { connection: null, 'content-length': null, 'transfer-encoding': 'chunked' },
    },
  ],
]

const paths: [title: string, source: string, target: string, statuses: number[], open?: string][] = [
  ['dot segments', `${rfc3986}, 5.2.4; CWE-22`, '/open/../admin', [429]],
  ['encoded dots', `${rfc3986}, 6.2.2.2; CVE-2021-41773`, '/open/%2e%2e/admin', [429]],
  ['half encoded dots', `${rfc3986}, 6.2.2.2; CVE-2021-41773`, '/open/.%2E/admin', [429]],
  [
    'doubly encoded dots',
    'CWE-174; CVE-2001-0333',
    '/open/%252e%252e/admin',
    [200],
    '/open/%252e%252e/admin',
  ],
  ['an encoded slash', `${rfc3986}, 2.2; CVE-2021-29492`, '/open/..%2fadmin', [307]],
  ['a doubly encoded slash', 'CWE-174; CVE-2001-0333', '/open/..%252fadmin', [200], '/open/..%252fadmin'],
  ['a backslash', 'WHATWG URL, 4.4', '/open\\..\\admin', [429]],
  ['an encoded backslash', 'CVE-2021-29492', '/open/..%5cadmin', [307]],
  ['more slashes', `${rfc3986}, 3.3; CVE-2021-29492`, '//admin', [429]],
  ['more slashes within', `${rfc3986}, 3.3`, '/open/..////admin', [429]],
  ['an encoded letter', `${rfc3986}, 6.2.2.2`, '/%61dmin', [429]],
  ['a dot segment at the end', `${rfc3986}, 5.2.4`, '/admin/.', [429]],
  ['above the root', `${rfc3986}, 5.2.4`, '/../../admin', [429]],
  ['a parameter of a dot segment', orange, '/open/..;/admin', [429]],
  ['a parameter of an encoded dot segment', orange, '/open/%2e%2e;/admin', [400]],
  ['a parameter of a half encoded dot segment', orange, '/open/.%2e;a=b/admin', [400]],
  ['an encoded parameter of a dot segment', orange, '/open/..%3b/admin', [200], '/open/..%3b/admin'],
  ['a null byte, encoded', 'CWE-158', '/open%00/../admin', [400]],
  ['a null byte', 'CWE-158', '/open\0/admin', [400]],
  [
    'overlong UTF-8',
    'CVE-2000-0884; RFC 3629, 3',
    '/open/%c0%ae%c0%ae/admin',
    [200],
    '/open/%c0%ae%c0%ae/admin',
  ],
  ['a fragment', `${rfc9112}, 3.2; CVE-2021-32779`, '/open#/../admin', [400]],
  ['a space', `${rfc9112}, 3`, '/open /admin', [400]],
  ['a tab', `${rfc9112}, 3`, '/open\t/admin', [400]],
  ['no slash', `${rfc9112}, 3.2.1`, 'admin', [400]],
  ['bytes above ASCII', `${rfc3986}, 2`, '/open/\xff\xfe', [400]],
  ['bytes above ASCII in the query', `${rfc3986}, 2`, '/open?\xc3\xa4', [400]],
  ['capitals', `${rfc3986}, 6.2.2.1`, '/ADMIN', [200], '/ADMIN'],
  ['a parameter', `${rfc3986}, 3.3; ${orange}`, '/admin;a=b', [200], '/admin;a=b'],
  ['a parameter between', `${rfc3986}, 3.3; ${orange}`, '/open/;/admin', [200], '/open/;/admin'],
  ['the query is no path', `${rfc3986}, 3.4`, '/open?/../admin', [200], '/open?/../admin'],
]

const raw: HostileRequest[] = [
  {
    title: 'a request behind another one',
    source: `${rfc9112}, 9.3.2`,
    bytes: http1({}) + smuggled,
    statuses: [200, 429],
    open: ['GET /'],
  },
  {
    title: 'a bare line feed ends lines',
    source: `${rfc9112}, 2.2`,
    bytes: 'GET /open HTTP/1.1\nHost: shop.example\n\n',
    statuses: [200],
    open: ['GET /open'],
  },
  {
    title: 'a bare carriage return in a value',
    source: `${rfc9112}, 2.2`,
    bytes: http1({ headers: ['X-A: b\rContent-Length: 5'] }),
    statuses: [200],
    open: ['GET /'],
    headers: { 'x-a': 'bContent-Length: 5', 'content-length': null },
  },
  {
    title: 'a null byte in a value',
    source: `${rfc9110}, 5.5; CVE-2019-9900`,
    bytes: http1({ headers: ['X-A: b\0c'] }),
    statuses: [400],
  },
  {
    title: 'a folded line',
    source: `${rfc9112}, 5.2`,
    bytes: http1({ headers: ['X-A: b', ' X-Envoy-Internal: true'] }),
    statuses: [200],
    open: ['GET /'],
    headers: { 'x-a': 'b X-Envoy-Internal: true', 'x-envoy-internal': null },
  },
  {
    title: 'a line that begins with a space, first',
    source: `${rfc9112}, 2.2`,
    bytes: 'GET /open HTTP/1.1\r\n X-A: b\r\nHost: shop.example\r\n\r\n',
    statuses: [400],
  },
  {
    title: 'a space before the colon',
    source: `${rfc9112}, 5.1`,
    bytes: http1({ headers: ['X-Envoy-Internal : true'] }),
    statuses: [400],
  },
  {
    title: 'a header without a name',
    source: `${rfc9112}, 5`,
    bytes: http1({ headers: [': b'] }),
    statuses: [400],
  },
  { title: 'no host', source: `${rfc9112}, 3.2`, bytes: http1({ host: null }), statuses: [400] },
  {
    title: 'two hosts',
    source: `${rfc9112}, 3.2; PortSwigger, HTTP Host header attacks`,
    bytes: http1({ headers: ['Host: inside.example'] }),
    statuses: [400],
  },
  {
    title: 'a host of a list',
    source: `${rfc9112}, 3.2`,
    bytes: http1({ host: 'shop.example,inside.example' }),
    statuses: [400],
  },
  {
    title: 'a host with a path',
    source: 'PortSwigger, HTTP Host header attacks',
    bytes: http1({ host: 'shop.example/inside.example' }),
    statuses: [400],
  },
  {
    title: 'a host with user information',
    source: `${rfc9110}, 4.2.4`,
    bytes: http1({ host: 'shop.example@inside.example' }),
    statuses: [400],
  },
  {
    title: 'absolute form against Host: the target wins',
    source: `${rfc9112}, 3.2.2; PortSwigger, HTTP Host header attacks`,
    bytes: http1({ target: 'http://inside.example/open' }),
    statuses: [429],
  },
  {
    title: 'absolute form with dot segments',
    source: `${rfc9112}, 3.2.2`,
    bytes: http1({ target: 'http://shop.example/open/../admin' }),
    statuses: [429],
  },
  {
    title: 'a host that another header names',
    source: 'PortSwigger, HTTP Host header attacks',
    bytes: http1({ headers: ['X-Forwarded-Host: inside.example', 'X-Host: inside.example'] }),
    statuses: [200],
    open: ['GET /'],
    headers: { host: 'shop.example' },
  },
  {
    title: 'a host with a trailing dot and a port',
    source: `${rfc9110}, 7.2`,
    bytes: http1({ host: 'inside.example.:80' }),
    statuses: [429],
  },
  {
    title: 'a host in capitals',
    source: `${rfc9110}, 4.2.3`,
    bytes: http1({ host: 'INSIDE.example' }),
    statuses: [429],
  },
  {
    title: 'a URL that another header names',
    source: 'PortSwigger, Practical Web Cache Poisoning (2018)',
    bytes: http1({
      headers: ['X-Original-URL: /admin', 'X-Rewrite-URL: /admin', 'X-Envoy-Original-Path: /admin'],
    }),
    statuses: [200],
    open: ['GET /'],
    headers: { 'x-envoy-original-path': null },
  },
  {
    title: 'an internal request',
    source: 'Envoy, HTTP header sanitizing',
    bytes: http1({ target: '/admin', headers: ['X-Envoy-Internal: true'] }),
    statuses: [429],
  },
  {
    title: 'an internal address before the client’s',
    source: 'Envoy, HTTP header sanitizing; RFC 7239, 8.1',
    bytes: http1({
      headers: ['X-Forwarded-For: 10.0.0.1', 'X-Envoy-External-Address: 10.0.0.1', 'X-Envoy-Internal: true'],
    }),
    statuses: [200],
    open: ['GET /'],
    headers: { 'x-envoy-external-address': sender, 'x-envoy-internal': null },
  },
  {
    title: 'a scheme that is not the connection’s',
    source: 'Envoy, HTTP header sanitizing',
    bytes: http1({ target: '/admin', headers: ['X-Forwarded-Proto: https', 'X-Forwarded-Scheme: https'] }),
    statuses: [429],
  },
  {
    title: 'a certificate that nobody showed',
    source: 'Envoy, x-forwarded-client-cert',
    bytes: http1({ headers: ['X-Forwarded-Client-Cert: By=spiffe://a;Subject="CN=root"'] }),
    statuses: [200],
    open: ['GET /'],
    headers: { 'x-forwarded-client-cert': null },
  },
  {
    title: 'orders to the router',
    source: 'Envoy, HTTP header sanitizing',
    bytes: http1({
      headers: ['X-Envoy-Upstream-Rq-Timeout-Ms: 1', 'X-Envoy-Retry-On: 5xx', 'X-Envoy-Max-Retries: 99'],
    }),
    statuses: [200],
    open: ['GET /'],
    headers: {
      'x-envoy-upstream-rq-timeout-ms': null,
      'x-envoy-retry-on': null,
      'x-envoy-max-retries': null,
    },
  },
  {
    title: 'a delay of the fault filter',
    source: 'Envoy, fault injection by headers',
    bytes: http1({ headers: ['X-Envoy-Fault-Delay-Request: 60000', 'X-Envoy-Fault-Abort-Request: 503'] }),
    statuses: [200],
    open: ['GET /'],
    headers: { 'x-envoy-fault-delay-request': null, 'x-envoy-fault-abort-request': null },
  },
  {
    title: 'an underscore for a hyphen',
    source: 'Envoy, Configuring Envoy as an edge proxy; CVE-2015-0219',
    bytes: http1({ headers: ['X_Envoy_Internal: true'] }),
    statuses: [400],
  },
  {
    title: 'a header of one connection takes another away',
    source: `${rfc9110}, 7.6.1; N. Davison, Abusing HTTP hop-by-hop request headers (2019)`,
    bytes: http1({ headers: ['Connection: close, X-Forwarded-For'] }),
    statuses: [400],
  },
  {
    title: 'TRACE',
    source: `${rfc9110}, 9.3.8`,
    bytes: http1({ method: 'TRACE', target: '/admin' }),
    statuses: [429],
  },
  {
    title: 'CONNECT',
    source: `${rfc9110}, 9.3.6`,
    bytes: http1({ method: 'CONNECT', target: 'inside.example:80', host: 'inside.example:80' }),
    statuses: [404],
  },
  {
    title: 'a method with a character that none has',
    source: `${rfc9110}, 9.1`,
    bytes: http1({ method: 'GE(T' }),
    statuses: [400],
  },
  {
    title: 'a method of another name for a guarded path',
    source: 'CWE-650',
    bytes: http1({ method: 'JEFF', target: '/admin', headers: ['X-HTTP-Method-Override: GET'] }),
    statuses: [400],
  },
  { title: 'HTTP/0.9', source: `${rfc9112}, C.1`, bytes: 'GET /admin\r\n\r\n', statuses: [426] },
  { title: 'HTTP/1.0', source: `${rfc9112}, C.2`, bytes: http1({ version: 'HTTP/1.0' }), statuses: [426] },
  { title: 'HTTP/1.2', source: `${rfc9110}, 2.5`, bytes: http1({ version: 'HTTP/1.2' }), statuses: [426] },
  { title: 'HTTP/9.9', source: `${rfc9110}, 2.5`, bytes: http1({ version: 'HTTP/9.9' }), statuses: [426] },
  {
    title: 'an upgrade that is followed by a request',
    source: 'M. Egorov, What’s Wrong with WebSocket APIs? (DeepSec 2019)',
    bytes: http1({ headers: ['Connection: Upgrade', 'Upgrade: websocket'], body: smuggled }),
    statuses: [200],
    open: ['GET /'],
  },
  {
    title: 'an upgrade to HTTP/2 in clear that is followed by a request',
    source: 'J. Miller, h2c Smuggling (Bishop Fox, 2020)',
    bytes: http1({
      headers: [
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
      ],
      body: smuggled,
    }),
    statuses: [200, 429],
    open: ['GET /'],
    headers: { upgrade: null, 'http2-settings': null },
  },
  {
    title: 'a GET with a body that looks like a request',
    source: `${rfc9110}, 9.3.1; ${powered}`,
    bytes: http1({ headers: [`Content-Length: ${smuggled.length}`], body: smuggled }),
    statuses: [200],
    open: ['GET /'],
  },
  {
    title: 'an expectation that nobody knows',
    source: `${rfc9110}, 10.1.1; PortSwigger, HTTP/1.1 Must Die (2025)`,
    bytes: http1({
      method: 'POST',
      headers: ['Expect: y 100-continue', `Content-Length: ${smuggled.length}`],
      body: smuggled,
    }),
    statuses: [200],
    open: ['POST /'],
  },
  {
    title: 'more headers than allowed',
    source: 'Envoy, max_headers_count; CWE-770',
    bytes: http1({ headers: Array.from({ length: 101 }, (_, index) => `X-${index}: y`) }),
    statuses: [431],
  },
  {
    title: 'larger headers than allowed',
    source: 'RFC 6585, 5',
    bytes: http1({ headers: [`X-A: ${'y'.repeat(70_000)}`] }),
    statuses: [431],
  },
  {
    title: 'a longer URL than allowed',
    source: `${rfc9110}, 15.5.15`,
    bytes: http1({ target: `/${'y'.repeat(70_000)}` }),
    statuses: [431],
  },
]

const plain = { ':method': 'GET', ':scheme': 'http', ':authority': 'shop.example', ':path': '/' }

function http2(title: string, source: string, fields: [string, string][], body?: string): HostileRequest {
  return { title: `HTTP/2: ${title}`, source, bytes: http2Request(fields, body), open: [] }
}

const with2 = (...more: [string, string][]): [string, string][] => [...Object.entries(plain), ...more]
const instead = (name: string, value: string): [string, string][] =>
  Object.entries({ ...plain, [name]: value })

const frames: HostileRequest[] = [
  {
    ...http2(
      'H2.CL: a content-length of less than the data',
      `${rfc9113}, 8.1.1; ${http2Paper}`,
      [...instead(':method', 'POST'), ['content-length', '0']],
      smuggled,
    ),
    open: ['POST /'],
    isCut: true,
  },
  http2(
    'H2.TE: a transfer-encoding',
    `${rfc9113}, 8.2.2; ${http2Paper}`,
    [...instead(':method', 'POST'), ['transfer-encoding', 'chunked']],
    `0\r\n\r\n${smuggled}`,
  ),
  http2(
    'a line break in a value',
    `${rfc9113}, 8.2.1; ${http2Paper}`,
    with2(['x-a', 'b\r\ntransfer-encoding: chunked']),
  ),
  http2(
    'a line break in a name',
    `${rfc9113}, 8.2.1; ${http2Paper}`,
    with2(['x-a: b\r\nx-envoy-internal', 'true']),
  ),
  http2('a null byte in a value', `${rfc9113}, 8.2.1`, with2(['x-a', 'b\0c'])),
  http2(
    'a line break in the path',
    `${rfc9113}, 8.3.1; ${http2Paper}`,
    instead(':path', '/ HTTP/1.1\r\nhost: inside.example\r\n\r\n'),
  ),
  http2('a request line in the method', `${http2Paper}`, instead(':method', 'GET /admin HTTP/1.1')),
  http2('a space in the path', `${http2Paper}`, instead(':path', '/ /admin')),
  http2('a name in capitals', `${rfc9113}, 8.2.1`, with2(['X-A', 'b'])),
  http2('two paths', `${rfc9113}, 8.3`, with2([':path', '/admin'])),
  http2('two methods', `${rfc9113}, 8.3`, with2([':method', 'POST'])),
  http2('an unknown pseudo-header', `${rfc9113}, 8.3`, with2([':admin', 'true'])),
  http2('a pseudo-header of answers', `${rfc9113}, 8.3`, with2([':status', '200'])),
  http2('a pseudo-header after a header', `${rfc9113}, 8.3`, [
    ...Object.entries(plain).slice(0, 3),
    ['x-a', 'b'],
    [':path', '/admin'],
  ]),
  http2('no path', `${rfc9113}, 8.3.1`, Object.entries(plain).slice(0, 3)),
  http2('an empty path', `${rfc9113}, 8.3.1`, instead(':path', '')),
  http2('a path without a slash', `${rfc9113}, 8.3.1`, instead(':path', 'admin')),
  http2('a header of one connection', `${rfc9113}, 8.2.2`, with2(['connection', 'x-forwarded-for'])),
  http2(
    'an authority with user information',
    `${rfc9113}, 8.3.1`,
    instead(':authority', 'shop.example@inside.example'),
  ),
  http2('dot segments', `${rfc3986}, 5.2.4`, instead(':path', '/open/../admin')),
  {
    ...http2('bytes above ASCII in the path', `${rfc3986}, 2`, instead(':path', '/open/\xff\xfe')),
    open: ['GET /open/%FF%FE'],
  },
  http2('bytes above ASCII in the query', `${rfc3986}, 2`, instead(':path', '/open?\xc3\xa4')),
  http2('an internal request', 'Envoy, HTTP header sanitizing', [
    ...instead(':path', '/admin'),
    ['x-envoy-internal', 'true'],
  ]),
  http2(
    'an underscore for a hyphen',
    'Envoy, Configuring Envoy as an edge proxy',
    with2(['x_envoy_internal', 'true']),
  ),
  http2('extended CONNECT to a guarded path', 'RFC 8441, 4', [
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    ...Object.entries(plain).slice(1, 3),
    [':path', '/admin'],
  ]),
]

export const hostileRequests: readonly HostileRequest[] = [
  ...framing.map(([title, source, headers, body, more]) => ({
    ...{ title, source, statuses: [400], bytes: http1({ method: 'POST', headers, body }) },
    ...more,
  })),
  ...paths.map(([title, source, target, statuses, open]) => ({
    ...{ title: `path: ${title}`, source, statuses, bytes: latin1(http1({ target })) },
    ...(open !== undefined && { open: [`GET ${open}`] }),
  })),
  ...raw,
  ...frames,
]

function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
