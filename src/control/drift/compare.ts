import { type Message, typeUrls } from '../../envoy-api/types.ts'
import { xdsCluster } from '../../model/service-clusters.ts'
import type { ServedResource } from '../../xds/served-config.ts'
import { type ConfigDump, type Held, heldIn, normal, normalEndpoints } from './config-dump.ts'

/** A resource that an Envoy holds otherwise than it should, by its own `config_dump`. */
export interface HeldDeviation {
  type: string
  name: string
  /**
   * `warming`: it has it and waits for something before it is in force; `leftover`: nothing that is in force names it,
   * and connections that drain may use it.
   */
  is: 'missing' | 'unexpected' | 'other_version' | 'other_content' | 'warming' | 'leftover'
  expected: string | null
  actual: string | null
}

/** What listeners name: Envoy keeps it until one that was replaced or removed has drained. */
const ofListeners = new Set(['route', 'secret', 'extension'])

/** What an Envoy has by a bootstrap of ours. */
const ofBootstrap = new Set([`cluster ${xdsCluster}`, 'listener weir_readiness'])

/**
 * What an Envoy holds against what it is served. A version decides where it is the same; where it is not, the content
 * does, since a listener whose filter chains were replaced in place goes on showing its old version, and over
 * state-of-the-world xDS a version is that of a whole response. Of secrets, which the dump redacts, only the version
 * tells, so that they are left out where there is none of their own.
 */
export function compareDump(
  served: readonly ServedResource[],
  dump: ConfigDump,
  protocol: 'delta' | 'sotw',
): HeldDeviation[] {
  const expected = Map.groupBy(served, ({ type }) => type)
  const checked = new Set((expected.get('cluster') ?? []).filter(isChecked).map(({ name }) => name))
  return Object.keys(typeUrls).flatMap((type) => {
    if (type === 'secret' && protocol === 'sotw') return []
    const wanted = new Map((expected.get(type) ?? []).map((each) => [each.name, each]))
    const held = heldIn(dump, type)
    const context = { protocol, checked }
    const lacking = [...wanted.values()].flatMap((each) => deviation(each, held.get(each.name), context))
    return [...lacking, ...unexpected(type, held, wanted)]
  })
}

interface Context {
  protocol: 'delta' | 'sotw'
  /** Clusters whose endpoints Envoy finds healthy or not by itself, by checks or by what became of requests. */
  checked: ReadonlySet<string>
}

function isChecked({ resource }: ServedResource): boolean {
  const { health_checks = [], outlier_detection } = resource as Message
  return (health_checks as unknown[]).length > 0 || outlier_detection !== undefined
}

function deviation(
  { type, name, version: expected, resource }: ServedResource,
  held: Held | undefined,
  { protocol, checked }: Context,
): HeldDeviation[] {
  if (held === undefined || held.state === 'static')
    return [{ type, name, is: 'missing', expected, actual: null }]
  const actual = held.version === '' || protocol === 'sotw' ? null : held.version
  if (held.state === 'warming') return [{ type, name, is: 'warming', expected, actual }]
  if (actual === expected) return []
  if (type === 'secret') return [{ type, name, is: 'other_version', expected, actual }]
  const inForm = (content: unknown) =>
    type === 'endpoints' ? normalEndpoints(content, checked.has(name)) : normal(content)
  if (inForm(resource) === inForm(held.content)) return []
  return [{ type, name, is: actual === null ? 'other_content' : 'other_version', expected, actual }]
}

function unexpected(
  type: string,
  held: ReadonlyMap<string, Held>,
  wanted: ReadonlyMap<string, unknown>,
): HeldDeviation[] {
  // The dump has endpoints of every cluster; those of one that is not expected are told by the cluster.
  if (type === 'endpoints') return []
  return [...held]
    .filter(
      ([name, { state }]) => !ofBootstrap.has(`${type} ${name}`) && (state === 'static' || !wanted.has(name)),
    )
    .map(([name, { version, state }]) => {
      const is = ofListeners.has(type) && state !== 'static' ? 'leftover' : 'unexpected'
      return { type, name, is, expected: null, actual: version || null }
    })
}
