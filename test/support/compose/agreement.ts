import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { envoyVersion } from '../../../src/local/envoy-binary.ts'
import { projectRoot } from '../../../src/project-root.ts'
import { parseHostPort } from '../../../src/settings/address.ts'
import { settingList } from '../../../src/settings/list.ts'
import { readSettings } from '../../../src/settings/settings.ts'
import type { ComposeFiles } from './files.ts'
import { edgesOf, isOn, listens, meet, mounts, portOf, seconds, unless } from './parts.ts'
import type { Service } from './read.ts'

/** A weir ends within 15 s of its SIGTERM (docs/operating.md), and what a drained Envoy still needs is below 5 s. */
const weirStopSeconds = 15
const envoyStopSeconds = 5

/** What weir is set to, beside what its own reading of settings refuses. */
export function control({ compose }: ComposeFiles): string[] {
  const { services, networks } = compose
  const { weir, postgres, valkey } = services as Record<'weir' | 'postgres' | 'valkey', Service>
  const environment = weir.environment ?? {}
  const known = new Set(settingList.map(({ variable }) => variable))
  const strange = Object.keys(environment).filter((variable) => !known.has(variable))
  if (strange.length > 0) return strange.map((variable) => `it does not know ${variable}`)
  try {
    readSettings('serve', [], environment)
  } catch (error) {
    return [(error as Error).message]
  }
  const url = new URL(environment.DATABASE_URL!)
  const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = postgres.environment ?? {}
  const counters = new URL(environment.REDIS_URL!)
  const rls = parseHostPort(environment.WEIR_RLS_ENVOY_ADDR ?? '')
  const shared = (weir.networks ?? []).filter((name) =>
    edgesOf({ compose }).some((edge) => isOn(services[edge]!, name)),
  )
  return unless(
    [
      url.hostname === 'postgres' && url.port === '5432' && meet(weir, postgres),
      'DATABASE_URL leads nowhere',
    ],
    [
      url.username === POSTGRES_USER && url.password === POSTGRES_PASSWORD,
      'DATABASE_URL does not open postgres',
    ],
    [url.pathname === `/${POSTGRES_DB}`, 'DATABASE_URL names another database'],
    [counters.host === 'valkey:6379' && meet(weir, valkey), 'REDIS_URL leads nowhere'],
    [valkey.command?.at(-1) === 'noeviction', 'counters are evicted'],
    [
      rls?.host === 'weir' && rls.port === portOf(environment.WEIR_RLS_ADDR),
      'WEIR_RLS_ENVOY_ADDR leads nowhere',
    ],
    [
      shared.length > 0 && shared.every((name) => networks[name]?.internal === true),
      'xDS is on an open network',
    ],
    [!services.echo?.networks?.some((name) => isOn(weir, name)), 'the echo can reach it'],
    [seconds(weir) > weirStopSeconds, 'it is killed before it has ended'],
    ...(['postgres', 'weir'] as const).map((name): [boolean, string] => [
      mounts(services[name]!).some(({ source }) => source in compose.volumes),
      `${name} keeps nothing`,
    ]),
  )
}

/** A sidecar's bootstrap, ports and time to drain. */
export function edge({ compose, bootstrap, documents }: ComposeFiles, name: string): string[] {
  const service = compose.services[name]!
  const { environment = {}, command = [], entrypoint = [] } = service
  const scripts = ['entrypoint.sh', 'drain.sh', 'ready.sh'].map((file) =>
    readFileSync(join(projectRoot, 'deploy', 'envoy', file), 'utf8'),
  )
  const read = new Set(scripts.join('\n').match(/\bENVOY_[A-Z_]+/g))
  const id = command[command.indexOf('--service-node') + 1]
  const weir = compose.services.weir!
  const xds =
    bootstrap.static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address
  const gateway = documents.find(
    (document) => document.kind === 'Gateway' && document.name === bootstrap.node.cluster,
  )
  const listeners: { port: number }[] = gateway?.spec.listeners ?? []
  const published = (service.ports ?? []).map((port) => Number(port.split(':')[2]))
  return unless(
    [service.image === `envoyproxy/envoy:v${envoyVersion}`, 'it is not the Envoy that weir is made for'],
    [entrypoint.at(-1) === '/etc/weir/entrypoint.sh', 'it does not drain when it is stopped'],
    [id === name, 'its id in the fleet is not its name'],
    [command.includes('--reject-unknown-dynamic-fields'), 'it ignores what it does not know'],
    [gateway !== undefined, `the gateway ${bootstrap.node.cluster} is not written`],
    [
      JSON.stringify(published) === JSON.stringify(listeners.map(({ port }) => port)),
      'its listeners are not published',
    ],
    [xds.socket_address.address === 'weir' && meet(service, weir), 'its xDS server is not weir'],
    [
      xds.socket_address.port_value === portOf(weir.environment?.WEIR_XDS_ADDR),
      'its xDS server has another port',
    ],
    [
      String(bootstrap.admin.address.socket_address.port_value) === environment.ENVOY_ADMIN_PORT,
      'its admin port differs',
    ],
    [
      seconds(service) >= Number(environment.ENVOY_DRAIN_SECONDS) + envoyStopSeconds,
      'it is killed while it drains',
    ],
    ...Object.keys(environment).map((variable): [boolean, string] => [
      read.has(variable),
      `its scripts do not know ${variable}`,
    ]),
  )
}

/** Each endpoint of the documents is a service that the Envoys reach, on a port that it serves. */
export function upstreams(files: ComposeFiles): string[] {
  const { compose, documents } = files
  const clusters = documents.filter(({ kind }) => kind === 'Cluster')
  const endpoints: { address: string; port: number }[] = clusters.flatMap(({ spec }) => spec.endpoints)
  const gateways = documents.filter(({ kind }) => kind === 'Gateway')
  const traced = gateways.map(({ spec }) => clusters.find(({ name }) => name === spec.tracing?.collector))
  return [
    ...endpoints.flatMap(({ address, port }) => {
      const service = compose.services[address]
      if (service === undefined) return [`${address}: an endpoint, and no service`]
      return unless(
        [listens(files, address).includes(port), `${address}: its port is not ${port}`],
        [
          edgesOf({ compose }).every((name) => meet(service, compose.services[name]!)),
          `${address}: out of reach`,
        ],
      )
    }),
    ...traced.flatMap((cluster) =>
      unless(
        [cluster?.spec.endpoints[0].address === 'collector', 'collector: no gateway sends spans to it'],
        [cluster?.spec.protocol === 'http2', 'collector: gRPC needs http2'],
      ),
    ),
  ]
}
