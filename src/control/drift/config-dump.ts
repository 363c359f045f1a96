import { plainContent } from './plain-content.ts'

/** What Envoy's admin interface answers to `/config_dump?include_eds` (envoy.admin.v3.ConfigDump), in ProtoJSON. */
export interface ConfigDump {
  readonly configs?: readonly { readonly '@type': string; readonly [section: string]: unknown }[]
}

/** A resource that an Envoy holds. */
export interface Held {
  /** Of its response; empty where the dump has none. */
  readonly version: string
  /** `warming`: not in force yet; `static`: by its bootstrap. */
  readonly state: 'active' | 'warming' | 'static'
  readonly content: unknown
}

type Item = { readonly version_info?: string; readonly name?: string; readonly [part: string]: unknown }

interface Section {
  config: string
  list: string
  /** Where an item has the resource. */
  part: string
  state: Held['state']
}

const sections: Readonly<Record<string, readonly Section[]>> = {
  cluster: [
    { config: 'ClustersConfigDump', list: 'static_clusters', part: 'cluster', state: 'static' },
    { config: 'ClustersConfigDump', list: 'dynamic_active_clusters', part: 'cluster', state: 'active' },
    { config: 'ClustersConfigDump', list: 'dynamic_warming_clusters', part: 'cluster', state: 'warming' },
  ],
  endpoints: [
    {
      config: 'EndpointsConfigDump',
      list: 'dynamic_endpoint_configs',
      part: 'endpoint_config',
      state: 'active',
    },
  ],
  secret: [
    { config: 'SecretsConfigDump', list: 'dynamic_active_secrets', part: 'secret', state: 'active' },
    { config: 'SecretsConfigDump', list: 'dynamic_warming_secrets', part: 'secret', state: 'warming' },
  ],
  extension: [{ config: 'EcdsConfigDump', list: 'ecds_filters', part: 'ecds_filter', state: 'active' }],
  listener: [
    { config: 'ListenersConfigDump', list: 'static_listeners', part: 'listener', state: 'static' },
    { config: 'ListenersConfigDump', list: 'dynamic_listeners', part: 'active_state', state: 'active' },
    { config: 'ListenersConfigDump', list: 'dynamic_listeners', part: 'warming_state', state: 'warming' },
  ],
  route: [
    { config: 'RoutesConfigDump', list: 'dynamic_route_configs', part: 'route_config', state: 'active' },
  ],
}

/** What an Envoy holds of one type, by name; of what is to take the place of something, that. */
export function heldIn({ configs = [] }: ConfigDump, type: string): Map<string, Held> {
  const held = new Map<string, Held>()
  for (const { config, list, part, state } of sections[type] ?? []) {
    const items = configs
      .filter((each) => each['@type'].endsWith(`.${config}`))
      .flatMap((each) => (each[list] ?? []) as Item[])
    for (const item of items) {
      const found = item[part] as Item | undefined
      if (found === undefined) continue
      // A listener's state is a version with the listener in it.
      const state_ = part.endsWith('_state')
      const content = (state_ ? found.listener : found) as { name?: string; cluster_name?: string }
      const name = content.name ?? content.cluster_name ?? item.name ?? ''
      held.set(name, { version: (state_ ? found : item).version_info ?? '', state, content })
    }
  }
  return held
}

/** The content in a form that does not depend on where it is from. */
export function normal(content: unknown): string {
  const { '@type': _, ...rest } = content as Record<string, unknown>
  return JSON.stringify(sorted(plainContent(rest)))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]))
}

interface Assignment {
  endpoints?: {
    priority?: number
    locality?: { region?: string; zone?: string; sub_zone?: string }
    lb_endpoints?: {
      endpoint: { address: { socket_address: { address: string; port_value: number } } }
      /** A message in what is compiled, a number in Envoy's JSON. */
      load_balancing_weight?: number | { value: number }
      health_status?: string
    }[]
  }[]
}

/**
 * Endpoints, which the dump builds anew: their addresses, weights, priorities, localities, and whether they are drained;
 * the last not where Envoy finds out itself whether they are used.
 */
export function normalEndpoints(content: unknown, isChecked: boolean): string {
  const { endpoints = [] } = content as Assignment
  const texts = endpoints.flatMap(({ priority = 0, locality = {}, lb_endpoints = [] }) =>
    lb_endpoints.map(({ endpoint, load_balancing_weight: weight = 1, health_status = 'HEALTHY' }) => {
      const { address, port_value } = endpoint.address.socket_address
      const share = typeof weight === 'number' ? weight : weight.value
      const { region = '', zone = '', sub_zone = '' } = locality
      const used = isChecked ? 'as checked' : health_status === 'HEALTHY'
      return JSON.stringify([address, port_value, share, priority, region, zone, sub_zone, used])
    }),
  )
  return texts.sort().join('\n')
}
