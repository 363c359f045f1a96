/** By names in lower case, one item a line. */
export type Headers = ReadonlyMap<string, readonly string[]>

/** Headers whose lines Envoy puts together to one, with commas. */
const joined = new Set([
  ...['accept', 'accept-encoding', 'access-control-request-method', 'authorization', 'cache-control'],
  ...['content-type', 'grpc-timeout', 'if-match', 'origin', 'referer', 'user-agent', 'via'],
  ...['x-client-trace-id', 'x-forwarded-for', 'x-forwarded-host'],
])

/** Headers that Envoy takes from a client at the edge: they belong to one connection, or tell Envoy what to do. */
const taken = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'x-forwarded-client-cert'],
  ...['downstream-service-cluster', 'downstream-service-node', 'decorator-operation', 'retry-on'].map(ours),
  ...['retry-grpc-on', 'max-retries', 'upstream-alt-stat-name', 'upstream-rq-timeout-ms'].map(ours),
  ...['upstream-rq-per-try-timeout-ms', 'upstream-rq-timeout-alt-response'].map(ours),
  ...['expected-rq-timeout-ms', 'force-trace', 'ip-tags', 'original-url', 'original-path'].map(ours),
  ...['original-host', 'hedge-on-per-try-timeout', 'retriable-status-codes'].map(ours),
  ...['retriable-header-names', 'internal'].map(ours),
  ...['fault-delay-request', 'fault-delay-request-percentage'].map(ours),
])

function ours(name: string): string {
  return `x-envoy-${name}`
}

/**
 * A client's headers as Envoy has them when it looks for a route, without those of HTTP/2 (`:path`, ...); as
 * docs/architecture.md says of listeners, the peer's address is believed and nothing else.
 */
export function envoyHeaders(
  written: Readonly<Record<string, string | readonly string[]>>,
  { clientIp, scheme }: { clientIp: string; scheme: string },
): Map<string, readonly string[]> {
  const headers = new Map<string, readonly string[]>()
  for (const [given, value] of Object.entries(written)) {
    const name = given.toLowerCase()
    const lines = [value].flat().map((line) => line.replace(/^[ \t]+|[ \t]+$/g, ''))
    if (taken.has(name) || (name === 'te' && !lines.includes('trailers'))) continue
    headers.set(name, joined.has(name) ? [lines.join(',')] : lines)
  }
  const before = headers.get('x-forwarded-for') ?? []
  headers.set('x-forwarded-for', [[...before, clientIp].join(',')])
  headers.set('x-forwarded-proto', [scheme])
  headers.set('x-envoy-external-address', [clientIp])
  // A new one for each request, which nobody can tell before.
  headers.set('x-request-id', ['00000000-0000-4000-8000-000000000000'])
  return headers
}
