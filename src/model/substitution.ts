import { RE2JS } from 're2js'

/**
 * Envoy's command operators that a header's value may hold (Envoy docs: configuration/observability/access_log,
 * "Command operators", and configuration/http/http_conn_man/headers). Those that read the proxy's machine, such as
 * `ENVIRONMENT` and `FILE_CONTENT`, are left out: who may write a route need not be who may read that machine's secrets.
 */
const plain = [
  ...['PROTOCOL', 'UPSTREAM_PROTOCOL', 'RESPONSE_CODE', 'RESPONSE_CODE_DETAILS', 'RESPONSE_FLAGS'],
  ...[
    'RESPONSE_FLAGS_LONG',
    'CONNECTION_ID',
    'CONNECTION_TERMINATION_DETAILS',
    'BYTES_RECEIVED',
    'BYTES_SENT',
  ],
  ...[
    'DURATION',
    'REQUEST_DURATION',
    'RESPONSE_DURATION',
    'START_TIME',
    'ROUTE_NAME',
    'VIRTUAL_CLUSTER_NAME',
  ],
  ...['REQUESTED_SERVER_NAME', 'HOSTNAME', 'STREAM_ID', 'TRACE_ID', 'UPSTREAM_HOST', 'UPSTREAM_CLUSTER'],
  ...['UPSTREAM_LOCAL_ADDRESS', 'UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', 'UPSTREAM_LOCAL_PORT'],
  ...['UPSTREAM_REMOTE_ADDRESS', 'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', 'UPSTREAM_REMOTE_PORT'],
  ...['UPSTREAM_REQUEST_ATTEMPT_COUNT', 'UPSTREAM_TRANSPORT_FAILURE_REASON'],
  ...['DOWNSTREAM_LOCAL_ADDRESS', 'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', 'DOWNSTREAM_LOCAL_PORT'],
  ...['DOWNSTREAM_REMOTE_ADDRESS', 'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', 'DOWNSTREAM_REMOTE_PORT'],
  ...['DOWNSTREAM_DIRECT_REMOTE_ADDRESS', 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT'],
  ...['DOWNSTREAM_TLS_VERSION', 'DOWNSTREAM_TLS_CIPHER', 'DOWNSTREAM_TLS_SESSION_ID'],
  ...['DOWNSTREAM_PEER_SUBJECT', 'DOWNSTREAM_PEER_ISSUER', 'DOWNSTREAM_PEER_SERIAL', 'DOWNSTREAM_PEER_CERT'],
  ...['DOWNSTREAM_PEER_URI_SAN', 'DOWNSTREAM_PEER_DNS_SAN', 'DOWNSTREAM_PEER_FINGERPRINT_256'],
  ...['DOWNSTREAM_PEER_CERT_V_START', 'DOWNSTREAM_PEER_CERT_V_END', 'DOWNSTREAM_LOCAL_SUBJECT'],
]

/** A header, and another one for where the first is not there. */
const headers = /^:?[a-zA-Z0-9!#$&'*+.^_`|~-]{1,256}(\?:?[a-zA-Z0-9!#$&'*+.^_`|~-]{1,256})?$/

/** Operators that need to be told what of, with how it may be written. */
const argumentOf: Record<string, RegExp> = {
  REQ: headers,
  RESP: headers,
  TRAILER: headers,
  QUERY_PARAM: /^[!-&*-~]{1,256}$/,
  DYNAMIC_METADATA: /^[!-&*-~]{1,256}$/,
}

/** Envoy's bound on a header's value as it is written here. */
const maxBytes = 16_384

const operator = /^%([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d{1,5}))?%/

/** Why Envoy would not take a value with `%COMMAND%` substitutions, if so: the words that follow the field. */
export function substitutionProblem(value: string): string | undefined {
  if (Buffer.byteLength(value) > maxBytes) return `takes more than ${maxBytes} bytes`
  let rest = value
  for (let at = rest.indexOf('%'); at >= 0; at = rest.indexOf('%')) {
    rest = rest.slice(at)
    if (rest.startsWith('%%')) {
      rest = rest.slice(2)
      continue
    }
    const found = operator.exec(rest)
    if (found === null) return 'has a % that starts no substitution; write %% for a percent sign'
    const [text, name, argument, length] = found as unknown as [string, string, string?, string?]
    const problem = operatorProblem(name, argument, length)
    if (problem !== undefined) return problem
    rest = rest.slice(text.length)
  }
  return undefined
}

function operatorProblem(name: string, argument?: string, length?: string): string | undefined {
  const pattern = argumentOf[name]
  if (pattern !== undefined) {
    if (argument !== undefined && pattern.test(argument)) return undefined
    return `has %${name}% without what it is to name; write %${name}(name)%`
  }
  if (!plain.includes(name))
    return `has %${name}%, which is not one of Envoy’s substitutions that routes may use`
  if (argument === undefined && length === undefined) return undefined
  return `has %${name}% with an argument or a length; write %${name}%`
}

/** Why `substitution` cannot stand for what `regex` matches: it names a group that the expression does not have. */
export function groupProblem(regex: string, substitution: string): string | undefined {
  const groups = RE2JS.compile(regex).groupCount()
  for (const [, escaped] of substitution.matchAll(/\\([\s\S]?)/g)) {
    if (escaped === '\\') continue
    if (!/^[0-9]$/.test(escaped!)) return 'has a backslash before something else than a digit or a backslash'
    if (Number(escaped) > groups) return `names group \\${escaped}, and the expression has ${groups}`
  }
  return undefined
}
