import { Head, readHead } from './head.ts'
import type { Field } from './hpack/field.ts'
import type { Method } from './method.ts'
import { foreign, foreignMethod, grpcRefusal, type Refusal } from './refusal.ts'

/**
 * gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): what a request's headers ask for.
 */
export function readRequest(fields: readonly Field[], methods: ReadonlyMap<string, Method>): Head {
  const head = readHead(fields)
  if (head.malformed !== undefined) return head
  head.refusal = refusalOf(head)
  if (head.refusal !== undefined) return head
  head.asks = methods.get(head.path)
  if (head.asks === undefined) head.refusal = grpcRefusal('UNIMPLEMENTED', 'no such method here')
  return head
}

/** The head of a request whose headers were more than is read. */
export function refusedHead(refusal: Refusal): Head {
  const head = new Head()
  head.refusal = refusal
  return head
}

/** `application/grpc`, `application/grpc+proto`, either with parameters. */
const contentTypePattern = /^application\/grpc(?:\+proto)? *(?:;|$)/i

function refusalOf(head: Head): Refusal | undefined {
  if (!contentTypePattern.test(head.contentType)) return foreign
  if (head.method !== 'POST') return foreignMethod
  // Without it something on the way may drop the trailers, which carry the status.
  if (head.te !== 'trailers') return grpcRefusal('INTERNAL', 'the request has no te: trailers')
  if (head.timeout !== undefined) {
    const timeoutMs = parseTimeout(head.timeout)
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
