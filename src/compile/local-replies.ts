import { any, struct } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import { breakerIsOpen, breakerMetadata } from '../model/breaker-descriptor.ts'
import { policyKinds } from '../policies/index.ts'
import { metadataNamespace as limits } from '../policies/rate-limit/filters.ts'
import { refusalDetails } from '../policies/rate-limit/local/filters.ts'
import { limitReached } from '../policies/rate-limit/local-replies.ts'
import { metadataNamespace, type Refusal } from '../policies/request/filters.ts'
import { longUrl, malformed } from './well-formed.ts'

/** Statuses of answers that Envoy gives itself: their titles (RFC 9110, section 15; RFC 6585), and what they say. */
const statuses: readonly [status: number, title: string, detail: string][] = [
  [400, 'Bad Request', 'The request is malformed.'],
  [401, 'Unauthorized', 'The request carries no credentials that are valid here.'],
  [403, 'Forbidden', 'The request is not allowed here.'],
  [404, 'Not Found', 'No route takes the request.'],
  [405, 'Method Not Allowed', 'The method is not allowed here.'],
  [408, 'Request Timeout', 'The request did not come in time.'],
  [411, 'Length Required', 'The request must say how long it is.'],
  [413, 'Content Too Large', 'The body is larger than allowed here.'],
  [426, 'Upgrade Required', 'The request must be sent by another version of HTTP.'],
  [431, 'Request Header Fields Too Large', 'The headers, or the URL, are larger than allowed.'],
  [500, 'Internal Server Error', 'The gateway could not decide on the request.'],
  [501, 'Not Implemented', 'The gateway does not know the transfer coding of the request.'],
  [502, 'Bad Gateway', 'The service gave no valid answer.'],
  [503, 'Service Unavailable', 'The service is not available.'],
  [504, 'Gateway Timeout', 'The service did not answer in time.'],
]

/**
 * Bodies of what Envoy answers itself, as problem documents (RFC 9457), the same for every gateway. They tell nothing of
 * what is behind the gateway, as Envoy's own texts do. What a route or a policy answers with stays, and gRPC clients get
 * their status alone. The first mapper that matches decides (Envoy docs: local_reply): the usual refusal of a limit
 * first, which so costs one look-up.
 */
export function localReplies(): Message {
  const problems = statuses.map(([status, title, detail]) =>
    mapper([isStatus(status), notGrpc, isOwn], problem(status, title, detail)),
  )
  return {
    mappers: [
      mapper([metadata(limits, 'problem', '429'), notGrpc], tooMany),
      mapper([isStatus(429), isRefusedByEnvoy, notGrpc], tooMany),
      mapper([metadata(breakerMetadata.namespace, breakerMetadata.problem, '503'), notGrpc], breakerOpen),
      mapper([isStatus(403), isMalformed, notGrpc], unreadable),
      mapper([isStatus(403), isTooLong, notGrpc], tooLong),
      mapper([isStatus(413), metadata(metadataNamespace, 'refusal', contentType), notGrpc], unsupported),
      ...problems,
      ...policyKinds.flatMap((kind) => kind.localReplies?.({ body: problem, notGrpc }) ?? []),
    ],
  }
}

/** By a shield, or a limit of each Envoy by itself. */
const isRefusedByEnvoy = expression(`response.code_details == '${refusalDetails}'`)

/** Envoy's filter knows one status. */
const isMalformed = expression(Object.values(malformed).map(isRefusedBy).join(' || '))

const isTooLong = expression(isRefusedBy(longUrl))

const contentType: Refusal = 'content_type'

const tooMany = problem(429, 'Too Many Requests', limitReached)

const breakerOpen = problem(503, 'Service Unavailable', breakerIsOpen)

const unreadable = {
  status_code: { value: 400 },
  ...problem(400, 'Bad Request', 'The host or the path of the request can be read in several ways.'),
}

const tooLong = {
  status_code: { value: 414 },
  ...problem(414, 'URI Too Long', 'The URL is longer than allowed here.'),
}

const unsupported = {
  status_code: { value: 415 },
  ...problem(415, 'Unsupported Media Type', 'The body has a media type that is not taken here.'),
}

function mapper(filters: readonly Message[], rewrite: Message): Message {
  return { filter: { and_filter: { filters } }, ...rewrite }
}

function problem(status: number, title: string, detail: string): Message {
  const body = { type: 'about:blank', title, status, detail, requestId: '%REQ(X-REQUEST-ID)%' }
  return {
    body_format_override: { content_type: 'application/problem+json', json_format: struct(body) },
  }
}

function isStatus(status: number): Message {
  return {
    status_code_filter: { comparison: { op: 'EQ', value: { default_value: status, runtime_key: 'weir' } } },
  }
}

/** A gRPC client reads the body as the message of its error. */
const notGrpc: Message = {
  header_filter: {
    header: {
      ...{ name: 'content-type', string_match: { prefix: 'application/grpc' } },
      ...{ invert_match: true, treat_missing_header_as_empty: true },
    },
  },
}

/** A `direct_response` is what a user wrote, unless weir made the route. */
const isOwn: Message = {
  or_filter: {
    filters: [
      expression("response.code_details != 'direct_response'"),
      ...(['closed', 'method'] satisfies Refusal[]).map((refusal) =>
        metadata(metadataNamespace, 'refusal', refusal),
      ),
    ],
  },
}

function isRefusedBy(rule: string): string {
  return `response.code_details == 'rbac_access_denied_matched_policy[${rule}]'`
}

function expression(text: string): Message {
  return {
    extension_filter: {
      name: 'envoy.access_loggers.extension_filters.cel',
      typed_config: any('envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', {
        expression: text,
      }),
    },
  }
}

function metadata(filter: string, key: string, exact: string): Message {
  const matcher = { filter, path: [{ key }], value: { string_match: { exact } } }
  return { metadata_filter: { matcher, match_if_key_not_found: { value: false } } }
}
