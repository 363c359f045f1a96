import type { FieldSink } from './hpack/decoder.ts'
import type { Field } from './hpack/field.ts'

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

function meaningOfName(name: string): number {
  if (!namePattern.test(name) || ofConnection.has(name)) return meaning.malformed
  return meanings.get(name) ?? (name.charCodeAt(0) === 0x3a ? meaning.malformed : meaning.plain)
}

function meaningOf({ name, value }: Field): number {
  const known = meaningOfName(name)
  if (badValuePattern.test(value) || (known === meaning.te && value !== 'trailers')) return meaning.malformed
  return known
}

const isPseudo = (what: number) => what >= meaning.method && what <= meaning.authority

/**
 * Reads the headers of a request, or trailers: pseudo-headers and their order, RFC 9113 section 8.3. Of what means nothing to
 * a call nothing is kept, however long it is.
 */
export class HeadReader implements FieldSink {
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
  malformed: string | undefined
  /** A field that means something was too long to be read. */
  oversize = false
  #host: string | undefined
  #regular = false
  /** Which pseudo-headers have come. */
  #seen = 0

  get pseudo(): boolean {
    return this.#seen !== 0
  }

  field(field: Field): void {
    if (field.meaning === 0) field.meaning = meaningOf(field)
    this.#place(field.meaning)
    if (field.meaning !== meaning.plain) this.#take(field.meaning, field.value)
  }

  skipped(name: string): void {
    const what = meaningOfName(name)
    this.#place(what)
    if (what !== meaning.plain) this.oversize = true
  }

  #place(what: number): void {
    if (what === meaning.malformed) this.malformed = 'a field that HTTP/2 does not allow'
    if (!isPseudo(what)) this.#regular = true
    else {
      if (this.#regular || (this.#seen & (1 << what)) !== 0) {
        this.malformed = 'a pseudo-header twice or out of place'
      }
      this.#seen |= 1 << what
    }
  }

  #take(what: number, value: string): void {
    if (what === meaning.method) this.method = value
    else if (what === meaning.path) this.path = value
    else if (what === meaning.scheme) this.scheme = value
    else if (what === meaning.authority) this.authority = value
    else if (what === meaning.contentType) this.contentType = value
    else if (what === meaning.te) this.te = value
    else if (what === meaning.timeout) this.timeout = value
    else if (what === meaning.encoding) this.encoding = value
    else if (what === meaning.host) this.#host = value
    else if (what === meaning.contentLength) this.#takeLength(value)
  }

  #takeLength(value: string): void {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1
    if (length < 0 || (this.contentLength >= 0 && this.contentLength !== length)) {
      this.malformed = 'a content-length that is none'
    }
    this.contentLength = length
  }

  /** What is wrong with headers of a request, of which all fields have come: RFC 9113 section 8.3.1, and 8.5 for CONNECT. */
  incomplete(): string | undefined {
    const { method, path, scheme, authority } = this
    if (method === 'CONNECT') {
      return path === '' && scheme === '' && authority !== undefined ? undefined : 'a CONNECT that is none'
    }
    if (method === '' || scheme === '' || path === '') return 'a pseudo-header is missing'
    if (path.charCodeAt(0) !== 0x2f && !(path === '*' && method === 'OPTIONS')) return 'a path that is none'
    const differs = this.#host !== undefined && authority !== undefined && this.#host !== authority
    return differs ? 'two authorities' : undefined
  }
}
