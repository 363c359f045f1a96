import type { Message } from '../../envoy-api/types.ts'
import type { AccessLog } from '../../model/access-log.ts'
import { milliseconds } from '../../model/duration.ts'

/** Which requests have a line: those with any of what is asked for. `AccessLogFilter` */
export function logFilter({ errors, slowerThan }: NonNullable<AccessLog['only']>): Message {
  const slow =
    slowerThan === undefined ? [] : [{ duration_filter: comparison('GE', milliseconds(slowerThan)) }]
  return either([...(errors === undefined ? [] : failed(errors)), ...slow])
}

const serverStatuses = [
  ...['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
]
const otherStatuses = [
  ...['CANCELED', 'INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'UNAUTHENTICATED'],
  ...['RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE'],
]

function failed(errors: 'server' | 'all'): Message[] {
  const statuses = errors === 'server' ? serverStatuses : [...serverStatuses, ...otherStatuses]
  return [
    { status_code_filter: comparison('GE', errors === 'server' ? 500 : 400) },
    // No answer: the client left, say.
    { status_code_filter: comparison('EQ', 0) },
    // Where there is no gRPC status Envoy takes the one that the HTTP status would be, UNKNOWN for 200.
    { and_filter: { filters: [isGrpc, { grpc_status_filter: { statuses } }] } },
  ]
}

const isGrpc = {
  header_filter: { header: { name: 'content-type', string_match: { prefix: 'application/grpc' } } },
}

function either(filters: Message[]): Message {
  return filters.length === 1 ? filters[0]! : { or_filter: { filters } }
}

/** Envoy wants the name of a runtime key that could take the value's place; weir sets none. */
function comparison(op: 'GE' | 'EQ', value: number): Message {
  return { comparison: { op, value: { default_value: value, runtime_key: 'weir.access_log' } } }
}
