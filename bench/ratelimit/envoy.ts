import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { envoyBinary } from '../../test/support/envoy.ts'
import { freePort } from '../../test/support/ports.ts'
import { until } from '../../test/support/until.ts'
import { accepts, ended } from '../processes.ts'
import type { Dialect, Service } from './service.ts'

/** A gateway in a process of its own. */
export interface Gateway {
  port: number
  pid: number
  stop(): Promise<void>
}

const httpName = 'type.googleapis.com/envoy.extensions.filters.http'

/** An Envoy of one worker before the upstream, which asks the service for each request, if there is one. */
export async function startEnvoy(upstream: number, service?: Service): Promise<Gateway> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-envoy-'))
  const file = join(folder, 'envoy.json')
  writeFileSync(file, JSON.stringify(bootstrap(port, upstream, service)))
  const args = ['-c', file, '--concurrency', '1', '--use-dynamic-base-id', '--log-level', 'error']
  const child = spawn(envoyBinary(), args, { stdio: ['ignore', 'inherit', 'inherit'] })
  await until('Envoy accepts', () => accepts(port))
  return {
    port,
    pid: child.pid!,
    async stop() {
      await ended(child)
      rmSync(folder, { recursive: true })
    },
  }
}

function bootstrap(port: number, upstream: number, service: Service | undefined): object {
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'edge',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route(service?.dialect)] }] },
    http_filters: [
      ...(service === undefined ? [] : [limiter]),
      { name: 'router', typed_config: { '@type': `${httpName}.router.v3.Router` } },
    ],
  }
  return {
    static_resources: {
      listeners: [
        {
          address: address(port),
          filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
        },
      ],
      clusters: [
        cluster('upstream', upstream),
        ...(service === undefined ? [] : [grpcCluster(service.port)]),
      ],
    },
  }
}

/** A request without a decision is refused: it would else count as one that is served. */
const limiter = {
  name: 'ratelimit',
  typed_config: {
    '@type': `${httpName}.ratelimit.v3.RateLimit`,
    domain: 'edge',
    failure_mode_deny: true,
    timeout: '5s',
    rate_limit_service: {
      transport_api_version: 'V3',
      grpc_service: { envoy_grpc: { cluster_name: 'service' } },
    },
  },
}

function route(dialect: Dialect | undefined): object {
  if (dialect === 'ask' || dialect === 'report') throw new Error('breakers are measured by bench:breaker')
  const key = (name: string) => ({ request_headers: { header_name: 'x-tenant', descriptor_key: name } })
  const actions = {
    weir: [{ generic_key: { descriptor_key: 'policy', descriptor_value: 'p0' } }, key('header:x-tenant')],
    plain: [key('p0')],
  }
  const limits = dialect === undefined ? {} : { rate_limits: [{ actions: actions[dialect] }] }
  return { match: { prefix: '/' }, route: { cluster: 'upstream', ...limits } }
}

function cluster(name: string, port: number): Record<string, unknown> {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }]
  return { name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints } }
}

function grpcCluster(port: number): object {
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
  const http2 = { explicit_http_config: { http2_protocol_options: {} } }
  return {
    ...cluster('service', port),
    typed_extension_protocol_options: { [name]: { '@type': `type.googleapis.com/${name}`, ...http2 } },
  }
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
