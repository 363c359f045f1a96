import type { EncodedResource } from '../envoy-api/encoded.ts'
import { readable } from '../envoy-api/readable.ts'
import { type Message, typeUrls } from '../envoy-api/types.ts'
import type { Fleet } from './fleet.ts'
import { shortType } from './session.ts'
import type { Snapshot } from './snapshot.ts'

/** The types of resources that an Envoy is served. */
export const servedTypes: readonly string[] = Object.keys(typeUrls)

/** What weir sends an Envoy, as `GET /v1/fleet/{node}/config` shows it. */
export interface ServedConfig {
  readonly gateway: string
  readonly id: string
  /** Of the model, as of which this is. */
  readonly revision: number
  /** By type, then by name. */
  readonly resources: readonly ServedResource[]
}

export interface ServedResource {
  /** As in `FleetItem.types`. */
  readonly type: string
  readonly name: string
  readonly version: string
  /** Why the Envoy refused this version, and has an older one or none. */
  readonly refused?: string
  /** JSON with the names of the .proto files, and without secrets. */
  readonly resource: Message
}

export interface ConfigQuestion {
  readonly gateway: string
  readonly id: string
  /** Of this type alone. */
  readonly type?: string
}

/** The newest that the connected Envoy is served; nothing where no such one is connected. */
export function servedConfig(
  fleet: Fleet,
  snapshotOf: (gateway: string) => Snapshot | undefined,
  { gateway, id, type: wanted }: ConfigQuestion,
): ServedConfig | undefined {
  const envoys = fleet.connected(gateway).filter((envoy) => envoy.id === id)
  const snapshot = snapshotOf(gateway)
  if (envoys.length === 0 || snapshot === undefined) return undefined
  const nacks = envoys.flatMap(({ view }) => view.progress().nacks)
  const shown = (type: string, resource: EncodedResource): ServedResource => {
    const { name, version } = resource
    const nack = nacks.find((each) => each.type === type && each.resource === name)
    const refused = nack === undefined ? {} : { refused: nack.error }
    return { type, name, version, ...refused, resource: readable(resource) }
  }
  const resources = [...snapshot.resources].flatMap(([typeUrl, byName]) => {
    const type = shortType(typeUrl)
    if (wanted !== undefined && wanted !== type) return []
    return [...byName.values()].map((resource) => shown(type, resource))
  })
  return { gateway, id, revision: snapshot.revision, resources }
}
