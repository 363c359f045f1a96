import { struct } from '../envoy-api/build.ts'
import { type Message, type Resources, typeUrls } from '../envoy-api/types.ts'

/**
 * Resources as an Envoy's own configuration: what it would fetch by ADS (routes, endpoints, filters' configurations,
 * secrets) is put where it is named. `inClear` gives the clear text of what stands for a secret, `runtime` is that of the
 * fleet's bootstrap.
 */
export function staticBootstrap(
  resources: Resources,
  inClear: (value: object) => string | undefined,
  runtime: object,
): Message {
  const routes = resources.get(typeUrls.route)!
  const endpoints = resources.get(typeUrls.endpoints)!
  const listeners = [...resources.get(typeUrls.listener)!.values()].map((listener) =>
    byStaticSecrets(
      replaceKey(
        replaceKey(listener, 'rds', (rds) => ['route_config', routes.get(rds.route_config_name as string)!]),
        'config_discovery',
        (_, filter) => ['typed_config', extensionOf(resources, filter)],
      ),
    ),
  )
  const secrets = [...resources.get(typeUrls.secret)!.values()].map((secret) => cleared(secret, inClear))
  const clusters = [...resources.get(typeUrls.cluster)!].map(([name, cluster]) => {
    if (cluster.type !== 'EDS') return byStaticSecrets(cluster)
    const { eds_cluster_config: _, ...rest } = byStaticSecrets(cluster)
    return { ...rest, type: 'STATIC', load_assignment: endpoints.get(name) }
  })
  return {
    node: { id: 'weir', cluster: 'weir' },
    static_resources: { listeners, clusters, secrets },
    layered_runtime: { layers: [{ name: 'weir', static_layer: struct(runtime) }] },
  }
}

function extensionOf(resources: Resources, { name }: Message): Message {
  return resources.get(typeUrls.extension)!.get(name as string)!.typed_config as Message
}

/** A secret that is named without a source is one of the bootstrap. */
function byStaticSecrets(message: Message): Message {
  return replaceKey(message, 'sds_config', () => ['sds_config', undefined as unknown as Message])
}

/** With the clear texts in place, as a secret goes to an Envoy. */
function cleared(value: unknown, inClear: (value: object) => string | undefined): Message {
  if (typeof value !== 'object' || value === null) return value as Message
  const text = inClear(value)
  if (text !== undefined) return text as unknown as Message
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleared(item, inClear)]))
}

function replaceKey(
  value: unknown,
  key: string,
  by: (value: Message, around: Message) => [string, Message],
): Message {
  if (Array.isArray(value)) return value.map((item) => replaceKey(item, key, by)) as unknown as Message
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value as Message
  const entries = Object.entries(value).map(([name, item]) =>
    name === key ? by(item as Message, value as Message) : [name, replaceKey(item, key, by)],
  )
  return Object.fromEntries(entries)
}
