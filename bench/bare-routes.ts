import { encode } from '../src/envoy-api/protos.ts'

/** A route that answers by itself. */
export interface Entry {
  name: string
  host: string
  prefix: string
  headers: Record<string, string>
}

/** A `DiscoveryResponse` with the entries as plain lists, one virtual host for each host name. */
export function bareRoutes(entries: Entry[], version: (index: number) => string): Buffer {
  const routes = entries.map(({ name, host, prefix, headers }, index) => ({
    host,
    route: {
      name,
      match: {
        path_separated_prefix: prefix,
        headers: Object.entries(headers).map(([name, exact]) => ({ name, string_match: { exact } })),
      },
      direct_response: { status: 200 },
      response_headers_to_add: [{ header: { key: 'x-version', value: version(index) } }],
    },
  }))
  const virtual_hosts = [...Map.groupBy(routes, ({ host }) => host)].map(([host, list]) => ({
    name: host,
    domains: [host],
    routes: list.map(({ route }) => route),
  }))
  const configuration = { '@type': type('config.route.v3.RouteConfiguration'), name: 'r', virtual_hosts }
  return encode('envoy.service.discovery.v3.DiscoveryResponse', { resources: [configuration] })
}

/** What a bootstrap needs besides: a listener whose routes come from a file. */
export function bareBootstrap(port: number, file: string) {
  const manager = {
    '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'bare',
    rds: {
      route_config_name: 'r',
      config_source: { path_config_source: { path: file }, resource_api_version: 'V3' },
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': type('extensions.filters.http.router.v3.Router') },
      },
    ],
  }
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }]
  const address = { socket_address: { address: '127.0.0.1', port_value: port } }
  return {
    dynamic_resources: {},
    static_resources: { listeners: [{ name: 'l', address, filter_chains: [{ filters }] }] },
  }
}

function type(name: string): string {
  return `type.googleapis.com/envoy.${name}`
}
