import { any, duration, fromAds, socketAddress } from '../../src/envoy-api/build.ts'
import { encodeResources } from '../../src/envoy-api/encoded.ts'
import { type Message, type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import type { Snapshot } from '../../src/xds/snapshot.ts'

/** A snapshot of messages, named by their own `name` or `cluster_name`. */
export function snapshotOf(
  gateway: string,
  revision: number,
  messages: Partial<Record<keyof typeof typeUrls, Message[]>>,
): Snapshot {
  const resources = new Map<TypeUrl, Map<string, Message>>()
  for (const [short, items] of Object.entries(messages)) {
    const type: TypeUrl = typeUrls[short as keyof typeof typeUrls]
    resources.set(type, new Map(items.map((item) => [String(item.name ?? item.cluster_name), item])))
  }
  return { gateway, revision, resources: encodeResources(resources) }
}

/** A cluster whose endpoints come by EDS; `connectMs` makes versions differ. */
export function edsCluster(name: string, connectMs = 1000): Message {
  return {
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: fromAds() },
    connect_timeout: duration(connectMs),
  }
}

export function endpoints(cluster: string, port: number): Message {
  const endpoint = { address: socketAddress('127.0.0.1', port) }
  return { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint }] }] }
}

/** An HTTP listener whose routes come by RDS. */
export function listener(name: string, port: number, routeConfig: string): Message {
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: name,
    rds: { route_config_name: routeConfig, config_source: fromAds() },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}),
      },
    ],
  })
  return {
    name,
    address: socketAddress('127.0.0.1', port),
    filter_chains: [
      { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
    ],
  }
}

export function routes(name: string, ...list: Message[]): Message {
  return { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes: list }] }
}

export function toCluster(prefix: string, cluster: string): Message {
  return { match: { prefix }, route: { cluster } }
}

export function respond(prefix: string, body: string): Message {
  return { match: { prefix }, direct_response: { status: 200, body: { inline_string: body } } }
}

/** The same over TLS, with these secrets as its certificates. */
export function tlsListener(
  name: string,
  port: number,
  secrets: readonly string[],
  more: Message = {},
): Message {
  const { filter_chains, ...rest } = listener(name, port, 'r')
  const context = {
    common_tls_context: {
      tls_certificate_sds_secret_configs: secrets.map((secret) => ({ name: secret, sds_config: fromAds() })),
    },
  }
  const transport_socket = {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', context),
  }
  const chains = (filter_chains as Message[]).map((chain) => ({ ...chain, transport_socket }))
  return { ...rest, filter_chains: chains, ...more }
}

export function secret(name: string, pair: { certificate: string; privateKey: string }): Message {
  const [certificate_chain, private_key] = [pair.certificate, pair.privateKey].map((text) => ({
    inline_string: text,
  }))
  return { name, tls_certificate: { certificate_chain, private_key } }
}
