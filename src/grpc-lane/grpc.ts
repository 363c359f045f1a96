import { Head } from './head.ts'
import type { HeadReader } from './head-reader.ts'
import type { Method } from './method.ts'
import { foreign, foreignMethod, grpcRefusal, type Refusal, refusals } from './refusal.ts'

/**
 * gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): what a request's headers ask for.
 *
 * @param read of which all fields have come
 */
export function readRequest(read: HeadReader, methods: ReadonlyMap<string, Method>): Head {
  const head = new Head()
  head.trailers = read.malformed === undefined && !read.pseudo
  if (read.oversize) {
    head.refusal = refusals.headerList
    return head
  }
  head.malformed = read.malformed ?? read.incomplete()
  if (head.malformed !== undefined) return head
  head.contentLength = read.contentLength
  head.bodiless = read.method === 'HEAD'
  head.encoded = read.encoding !== '' && read.encoding !== 'identity'
  head.refusal = refusalOf(read, head)
  if (head.refusal !== undefined) return head
  head.asks = methods.get(read.path)
  if (head.asks === undefined) head.refusal = grpcRefusal('UNIMPLEMENTED', 'no such method here')
  else head.path = read.path
  return head
}

/** The head of a request that is refused whatever its headers say. */
export function refusedHead(refusal: Refusal): Head {
  const head = new Head()
  head.refusal = refusal
  return head
}

/** `application/grpc`, `application/grpc+proto`, either with parameters. */
const contentTypePattern = /^application\/grpc(?:\+proto)? *(?:;|$)/i

function refusalOf(read: HeadReader, head: Head): Refusal | undefined {
  if (!contentTypePattern.test(read.contentType)) return foreign
  if (read.method !== 'POST') return foreignMethod
  // Without it something on the way may drop the trailers, which carry the status.
  if (read.te !== 'trailers') return grpcRefusal('INTERNAL', 'the request has no te: trailers')
  if (read.timeout !== undefined) {
    const timeoutMs = parseTimeout(read.timeout)
    if (timeoutMs === undefined) return grpcRefusal('INTERNAL', 'grpc-timeout makes no sense')
    head.timeoutMs = timeoutMs
  }
  return undefined
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}

/** Milliseconds of `grpc-timeout`: at most eight digits and a unit. */
export function parseTimeout(text: string): number | undefined {
  const unit = unitMs[text.slice(-1)]
  const digits = text.slice(0, -1)
  return unit !== undefined && /^\d{1,8}$/.test(digits) ? Number(digits) * unit : undefined
}
