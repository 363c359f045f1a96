import type { Field } from './hpack/field.ts'
import type { Method } from './method.ts'
import type { Refusal } from './refusal.ts'

/** What a field means to the reader of headers. */
const meaning = {
  plain: 1,
  method: 2,
  path: 3,
  scheme: 4,
  authority: 5,
  contentType: 6,
  contentLength: 7,
  te: 8,
  timeout: 9,
  encoding: 10,
  host: 11,
  malformed: 12,
} as const

const meanings: ReadonlyMap<string, number> = new Map([
  [':method', meaning.method],
  [':path', meaning.path],
  [':scheme', meaning.scheme],
  [':authority', meaning.authority],
  ['content-type', meaning.contentType],
  ['content-length', meaning.contentLength],
  ['te', meaning.te],
  ['grpc-timeout', meaning.timeout],
  ['grpc-encoding', meaning.encoding],
  ['host', meaning.host],
])

/** RFC 9113 section 8.2.2: they speak of a connection, and HTTP/2 has its own means. */
const ofConnection = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

/** RFC 9113 section 8.2.1, with RFC 9110 section 5.6.2 for what a name is made of. */
const namePattern = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/
/**
 * Not the white space around a value, which that section does not allow either: Envoy takes it from its clients, and passes a
 * client's `tracestate` on with its question, so that a client could have its own questions refused.
 */
const badValuePattern = /[\0\r\n]/

function meaningOf({ name, value }: Field): number {
  if (!namePattern.test(name) || badValuePattern.test(value) || ofConnection.has(name))
    return meaning.malformed
  const known = meanings.get(name)
  if (known === meaning.te && value !== 'trailers') return meaning.malformed
  return known ?? (name.charCodeAt(0) === 0x3a ? meaning.malformed : meaning.plain)
}

/** The headers of a request. It may be shared by all requests with the same block, so nothing in it changes. */
export class Head {
  method = ''
  path = ''
  scheme = ''
  authority: string | undefined
  contentType = ''
  /** -1 where it is not said. */
  contentLength = -1
  te = ''
  timeout: string | undefined
  encoding = ''
  fields: readonly Field[] = []
  /** Of all fields, as lists count them. */
  bytes = 0
  /** Why RFC 9113 has it refused as malformed. */
  malformed: string | undefined
  /** What it asks for, as `grpc.ts` found: a method, or else why there is none. */
  asks: Method | undefined
  refusal: Refusal | undefined
  /** Milliseconds that `timeout` says. */
  timeoutMs = Number.POSITIVE_INFINITY
}

/** Reads the headers of a request: pseudo-headers and their order, RFC 9113 section 8.3. */
export function readHead(fields: readonly Field[]): Head {
  const head = new Head()
  head.fields = fields
  let host: string | undefined
  let regular = false
  let seen = 0
  for (const field of fields) {
    head.bytes += field.size
    if (field.meaning === 0) field.meaning = meaningOf(field)
    const what = field.meaning
    if (what === meaning.malformed) head.malformed = 'a field that HTTP/2 does not allow'
    if (what >= meaning.method && what <= meaning.authority) {
      if (regular || (seen & (1 << what)) !== 0) head.malformed = 'a pseudo-header twice or out of place'
      seen |= 1 << what
    } else {
      regular = true
    }
    if (what === meaning.host) host = field.value
    else if (what !== meaning.plain) take(head, what, field.value)
  }
  head.malformed ??= incomplete(head, host)
  return head
}

function take(head: Head, what: number, value: string): void {
  if (what === meaning.method) head.method = value
  else if (what === meaning.path) head.path = value
  else if (what === meaning.scheme) head.scheme = value
  else if (what === meaning.authority) head.authority = value
  else if (what === meaning.contentType) head.contentType = value
  else if (what === meaning.te) head.te = value
  else if (what === meaning.timeout) head.timeout = value
  else if (what === meaning.encoding) head.encoding = value
  else if (what === meaning.contentLength) {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1
    if (length < 0 || (head.contentLength >= 0 && head.contentLength !== length)) {
      head.malformed = 'a content-length that is none'
    }
    head.contentLength = length
  }
}

/** RFC 9113 section 8.3.1, and section 8.5 for CONNECT. */
function incomplete(head: Head, host: string | undefined): string | undefined {
  const { method, path, scheme, authority } = head
  if (method === 'CONNECT') {
    return path === '' && scheme === '' && authority !== undefined ? undefined : 'a CONNECT that is none'
  }
  if (method === '' || scheme === '' || path === '') return 'a pseudo-header is missing'
  if (path.charCodeAt(0) !== 0x2f && !(path === '*' && method === 'OPTIONS')) return 'a path that is none'
  if (host !== undefined && authority !== undefined && host !== authority) return 'two authorities'
  return undefined
}

/** Whether fields may be trailers: RFC 9113 section 8.1 has no pseudo-headers there. */
export function areTrailers(fields: readonly Field[]): boolean {
  for (const field of fields) {
    if (field.meaning === 0) field.meaning = meaningOf(field)
    const what = field.meaning
    if (what === meaning.malformed || (what >= meaning.method && what <= meaning.authority)) return false
  }
  return true
}
