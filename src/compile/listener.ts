import { any, duration, fromAds, socketAddress, wrap } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'
import { milliseconds } from '../model/duration.ts'
import type { EffectiveListener } from '../model/listener.ts'
import { bytes } from '../model/size.ts'
import type { State } from '../model/state.ts'
import { policyKinds } from '../policies/index.ts'
import { phaseOrder } from '../policies/phases.ts'
import type { GatewayContext, HttpFilter } from '../policies/policy-kind.ts'
import { concurrencyFilter } from './adaptive-concurrency.ts'
import type { Live } from './live.ts'
import { localReplies } from './local-replies.ts'
import type { Callers } from './observing/callers.ts'
import { observing } from './observing/observing.ts'
import { corsFilter } from './routing/cors.ts'
import { securityHeaders } from './security-headers.ts'
import { clientIdentity, downstreamTls } from './tls/downstream.ts'
import { wellFormed } from './well-formed.ts'

/**
 * A listener with one connection manager whose routes come by RDS under the listener's name. Nothing here depends
 * on routes or policies, so that no edit of those drains it. Of clusters only two things have a part in it: that one
 * forwards to the listener, and how a collector is spoken to.
 */
export function listener(
  name: string,
  spec: EffectiveListener,
  gateway: GatewayContext,
  state: State,
  live: Live,
  callers: Callers,
): Message & { name: string } {
  const address = spec.address ?? live.listenerAddress
  return {
    // Envoy takes no address that another listener has, not even of one that gets a new address in the same response.
    // With its address in the name a listener that moves is a new one, and Envoy lets go of the old one first.
    name: `${name}@${address.includes(':') ? `[${address}]` : address}:${spec.port}`,
    address: socketAddress(address, spec.port),
    per_connection_buffer_limit_bytes: wrap(32_768),
    filter_chains: [
      {
        filters: [
          ...(spec.maxConnections === undefined ? [] : [connectionLimit(name, spec.maxConnections)]),
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: connectionManager(name, spec, httpFilters(spec, gateway), {
              ...observing(spec, gateway, state, callers),
              ...clientIdentity(spec),
              ...(spec.trustedHops !== undefined && { xff_num_trusted_hops: spec.trustedHops }),
              max_request_headers_kb: wrap(bytes(gateway.spec.maxRequestHeaderBytes) / 1024),
            }),
          },
        ],
        ...downstreamTls(spec),
      },
    ],
  }
}

/** Before TLS has cost anything. Envoy docs: listeners/network_filters/connection_limit_filter. */
function connectionLimit(name: string, maxConnections: number): Message {
  return {
    name: 'envoy.filters.network.connection_limit',
    typed_config: any('envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit', {
      stat_prefix: statPrefix(name),
      max_connections: wrap(maxConnections),
    }),
  }
}

function statPrefix(name: string): string {
  return name.replace('/', '_')
}

// The bounds are those of Envoy's "Configuring Envoy as an edge proxy".
function connectionManager(
  name: string,
  { idleTimeout, connectionIdleTimeout, maxStreamDuration }: EffectiveListener,
  filters: readonly HttpFilter[],
  own: Message,
): Message {
  return any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: statPrefix(name),
    rds: { route_config_name: name, config_source: fromAds() },
    early_header_mutation_extensions: [reservedHeaders()],
    http_filters: filters.map(filterMessage),
    local_reply_config: localReplies(),
    // The client's address is the peer's, or what trusted hops say; what a client writes is not believed.
    use_remote_address: wrap(true),
    normalize_path: wrap(true),
    merge_slashes: true,
    // `shop.example.` is `shop.example`, and must not slip past its routes.
    strip_trailing_host_dot: true,
    path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT',
    common_http_protocol_options: {
      max_headers_count: wrap(100),
      idle_timeout: duration(milliseconds(connectionIdleTimeout)),
      ...(maxStreamDuration !== undefined && {
        max_stream_duration: duration(milliseconds(maxStreamDuration)),
      }),
      headers_with_underscores_action: 'REJECT_REQUEST',
    },
    http2_protocol_options: {
      max_concurrent_streams: wrap(100),
      initial_stream_window_size: wrap(65_536),
      initial_connection_window_size: wrap(1_048_576),
      // WebSocket over HTTP/2 (RFC 8441).
      allow_connect: true,
    },
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    ...own,
    stream_idle_timeout: duration(milliseconds(idleTimeout)),
    request_headers_timeout: duration(30_000),
  })
}

/**
 * Filters talk to each other by headers. Of two lines Envoy's filters read the first, which would be the client's, so
 * that its lines go before any filter runs. Of other `x-envoy-` headers of clients Envoy 1.40 takes those away that mean
 * anything to it, since it takes no client for an internal one.
 */
function reservedHeaders(): Message {
  const names = policyKinds.flatMap((kind) => kind.reservedHeaders ?? [])
  return {
    name: 'envoy.http.early_header_mutation.header_mutation',
    typed_config: any('envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation', {
      mutations: names.map((remove) => ({ remove })),
    }),
  }
}

/**
 * A listener warms until a configuration by ECDS is there, so that a new Envoy refuses nothing that it could let pass;
 * where none comes, what is given here takes its place.
 */
function filterMessage({ name, config, discovered, disabled }: HttpFilter): Message {
  if (discovered === undefined) return { name, typed_config: config, ...(disabled && { disabled }) }
  const type_urls = [config['@type']]
  return { name, config_discovery: { config_source: fromAds(), default_config: config, type_urls } }
}

function httpFilters(spec: EffectiveListener, gateway: GatewayContext): HttpFilter[] {
  const router: HttpFilter = {
    phase: 'router',
    name: 'envoy.filters.http.router',
    config: any('envoy.extensions.filters.http.router.v3.Router', {}),
  }
  // Before all that asks who calls or counts: a browser's preflight carries neither keys nor cookies.
  const cors: HttpFilter = {
    phase: 'cors',
    name: corsFilter,
    config: any('envoy.extensions.filters.http.cors.v3.Cors', {}),
  }
  const filters = [
    ...securityHeaders(gateway.spec.securityHeaders, spec),
    wellFormed(gateway.spec),
    cors,
    ...policyKinds.flatMap((kind) => kind.filters?.(gateway) ?? []),
    ...concurrencyFilter(gateway.spec),
    router,
  ]
  return filters.sort((a, b) => phaseOrder(a.phase) - phaseOrder(b.phase))
}
