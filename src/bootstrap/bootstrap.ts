import { isIP } from 'node:net'
import { maxProgramSize } from '../model/regex.ts'
import { localCluster, xdsCluster } from '../model/service-clusters.ts'
import { secretsOf, tokenFilters, transportSocket, type XdsAccess } from './access.ts'
import { type OverloadOptions, overloadManager } from './overload.ts'
import { statsSink, type ToldHealth } from './stats-sink.ts'

export interface BootstrapOptions extends OverloadOptions {
  /** The gateway that the Envoy belongs to. */
  gateway: string
  /** Unique among the Envoys of the fleet. */
  id: string
  /** Labels by which a rollout picks Envoys. */
  labels: Record<string, string>
  /** Addresses under which other gateways reach this Envoy. */
  addresses: readonly string[]
  /** Where the replicas of weir serve xDS, as this Envoy reaches them; one is enough. */
  xds: readonly HostPort[]
  /** How it reaches them where they are guarded; absent: in plaintext, with nothing to show. */
  access?: XdsAccess | undefined
  /** Which variant of ADS it speaks (xDS protocol, "Variants of the xDS Transport Protocol"). */
  protocol: 'delta' | 'sotw'
  /** Port of Envoy's admin interface on 127.0.0.1; 0 lets the kernel choose. */
  adminPort: number
  /** Where it runs, as the endpoints of clusters say it of themselves. */
  locality?: Locality | undefined
  /** Where balancers ask whether to send requests here; absent: nowhere. */
  health?: HostPort | undefined
  /** How much it tells weir of its clusters' health; absent: all. */
  toldHealth?: ToldHealth | undefined
}

export interface Locality {
  region?: string | undefined
  zone?: string | undefined
  subZone?: string | undefined
}

interface HostPort {
  host: string
  port: number
}

/** Flags that belong to every Envoy of ours; why is in docs/operating.md. */
export const envoyFlags = ['--use-dynamic-base-id', '--reject-unknown-dynamic-fields'] as const

/**
 * The static part of an Envoy's configuration (Envoy's JSON form): who it is and where its control plane is.
 * All else comes by ADS.
 */
export function bootstrap(options: BootstrapOptions): Record<string, unknown> {
  const { gateway, id, labels, addresses, xds, protocol, adminPort, health, access } = options
  const { toldHealth, locality } = options
  return {
    node: {
      ...{ id, cluster: gateway, metadata: { gateway, labels, addresses: [...addresses] } },
      ...(locality !== undefined && { locality: localityOf(locality) }),
    },
    // Who operates an Envoy that is full must reach it.
    admin: { address: address('127.0.0.1', adminPort), ignore_global_conn_limit: true },
    dynamic_resources: {
      ads_config: {
        api_type: protocol === 'delta' ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: xdsCluster,
              // Envoy's default grows to 30 s, which is how long a restarted control plane would be missed.
              retry_policy: { retry_back_off: { base_interval: '0.1s', max_interval: '1s' } },
            },
          },
        ],
        set_node_on_first_message_only: true,
      },
      cds_config: adsSource(),
      lds_config: adsSource(),
    },
    // A wave of a rollout is judged by what came of it some seconds ago, and health is as old as that.
    stats_flush_interval: '2s',
    stats_sinks: [statsSink({ id, gateway, labels, health: toldHealth ?? 'endpoints' })],
    static_resources: {
      ...(health !== undefined && { listeners: [readiness(health)] }),
      clusters: [controlPlane(xds, access), ...(locality === undefined ? [] : [ownZone(locality)])],
      ...(access !== undefined && access.secretsFolder === undefined && { secrets: secretsOf(access) }),
    },
    ...(locality !== undefined && { cluster_manager: { local_cluster_name: localCluster } }),
    overload_manager: overloadManager(options),
    layered_runtime: {
      layers: [
        { name: 'weir', static_layer: runtime },
        { name: 'admin', admin_layer: {} },
      ],
    },
  }
}

/** Envoy's own bound of 100 refuses everyday expressions; weir bounds them when they are written. */
export const runtime = { re2: { max_program_size: { error_level: 4 * maxProgramSize } } }

function adsSource(): Record<string, unknown> {
  return { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '15s' }
}

function controlPlane(xds: readonly HostPort[], access: XdsAccess | undefined): Record<string, unknown> {
  const isIpEach = xds.every(({ host }) => isIP(host) !== 0)
  return {
    name: xdsCluster,
    type: isIpEach ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: xdsCluster,
      endpoints: [
        { lb_endpoints: xds.map(({ host, port }) => ({ endpoint: { address: address(host, port) } })) },
      ],
    },
    ...(access !== undefined && transportSocket(access)),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          // Without it a control plane that vanished without a FIN is noticed only by TCP's timeouts.
          http2_protocol_options: { connection_keepalive: { interval: '5s', timeout: '2s' } },
        },
        ...(access !== undefined && tokenFilters(access)),
      },
    },
  }
}

function localityOf({ region, zone, subZone }: Locality): Record<string, unknown> {
  return { region, zone, sub_zone: subZone }
}

/**
 * Envoy looks at zones only where it knows the cluster that it is one of itself. Its own place is all that is needed of
 * that (`compile/cluster/load-balancing.ts`), and nothing is ever sent there.
 */
function ownZone(locality: Locality): Record<string, unknown> {
  const lb_endpoints = [{ endpoint: { address: address('127.0.0.1', 1) } }]
  return {
    name: localCluster,
    type: 'STATIC',
    load_assignment: {
      cluster_name: localCluster,
      endpoints: [{ locality: localityOf(locality), lb_endpoints }],
    },
  }
}

/**
 * Answers 200 once Envoy serves, and 503 from `POST /healthcheck/fail` on, until its listeners close. The admin interface
 * has more than others may reach. Envoy docs: configuration/http/http_filters/health_check_filter.
 */
function readiness({ host, port }: HostPort): Record<string, unknown> {
  const extensions = 'type.googleapis.com/envoy.extensions.filters'
  return {
    name: 'weir_readiness',
    address: address(host, port),
    // An Envoy that is full would be taken for one that is gone, and the others would get its load, too.
    ignore_global_conn_limit: true,
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${extensions}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 'weir_readiness',
              codec_type: 'HTTP1',
              common_http_protocol_options: { idle_timeout: '60s' },
              request_headers_timeout: '5s',
              route_config: { virtual_hosts: [] },
              http_filters: [
                {
                  name: 'envoy.filters.http.health_check',
                  typed_config: {
                    '@type': `${extensions}.http.health_check.v3.HealthCheck`,
                    pass_through_mode: false,
                    headers: [{ name: ':path', string_match: { exact: '/ready' } }],
                  },
                },
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': `${extensions}.http.router.v3.Router` },
                },
              ],
            },
          },
        ],
      },
    ],
  }
}

function address(host: string, port: number): Record<string, unknown> {
  return { socket_address: { address: host, port_value: port } }
}
