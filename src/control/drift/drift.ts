import type { Deviation } from '../../xds/drift.ts'
import type { FleetView } from '../../xds/server.ts'
import { compareDump, type HeldDeviation } from './compare.ts'
import type { ConfigDump } from './config-dump.ts'

/** Where an Envoy has something else than it should. */
export interface Drift {
  gateway: string
  id: string
  /** Of the model, which it is held to. */
  revision: number
  /** By what it said over xDS, for each of its streams. */
  xds: { peer: string; deviations: Deviation[] }[]
  /** By what its admin interface shows; null where that is out of reach, or several Envoys have this id. */
  configDump: { deviations: HeldDeviation[] } | null
}

/** Answers for a connected Envoy; nothing where no such one is connected. */
export function createDrift(options: {
  fleet: FleetView
  /** The `config_dump` of an Envoy whose admin interface can be reached. */
  dump(item: { gateway: string; id: string; state: string }): Promise<unknown>
}) {
  const { fleet, dump } = options
  return async function drift(question: { gateway: string; id: string }): Promise<Drift | undefined> {
    const served = fleet.config(question)
    if (served === undefined) return undefined
    const streams = fleet.drift(question)
    const dumped = (await dump({ ...question, state: 'connected' })) as ConfigDump | undefined
    const { gateway, id, revision, resources } = served
    const [protocol, ...others] = fleet
      .list()
      .filter((item) => item.gateway === gateway && item.id === id && item.state === 'connected')
      .map((item) => item.protocol ?? 'delta')
    const isSole = protocol !== undefined && others.length === 0
    const configDump =
      dumped === undefined || !isSole ? null : { deviations: compareDump(resources, dumped, protocol) }
    return { gateway, id, revision, xds: streams, configDump }
  }
}
