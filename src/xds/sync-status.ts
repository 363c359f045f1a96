import type { FleetItem, LastNack } from './fleet-item.ts'
import type { DeliveryState, Nack, TypeState } from './session.ts'
import type { StreamView } from './stream-view.ts'

/**
 * How far an Envoy is, as replicas tell each other. Revisions are absent where they are the newest of the replica, so
 * that an edit which does not concern an Envoy leaves its status what it is.
 */
export interface SyncStatus {
  readonly revision?: number
  readonly state: DeliveryState
  readonly types: Readonly<Record<string, { state: DeliveryState; revision?: number | null }>>
  readonly nacks?: readonly Nack[]
  /** Its times are to the second, so that Envoys which refused the same together stand alike. */
  readonly lastNack?: LastNack
}

/** What of refusals is told to other replicas: the rest is at the replica that has the stream. */
const told = { nacks: 20, error: 1_000, names: 20 }

/** How far a connected Envoy is; `newest` is the newest revision of this replica's Envoys. */
export function syncStatusOf(item: FleetItem, view: StreamView, newest: number): SyncStatus {
  const { state, nacks } = view.delivery()
  const revision = view.revision()
  const { lastNack } = item
  return {
    ...(revision !== newest && { revision }),
    // A stream of this replica is never unknown to it.
    state: state === 'unknown' ? 'pending' : state,
    types: Object.fromEntries(
      Object.entries(view.types()).map(([type, each]) => [type, relative(each, newest)]),
    ),
    ...(nacks.length > 0 && { nacks: nacks.slice(0, told.nacks).map(clippedNack) }),
    ...(lastNack !== null && { lastNack: inSeconds(lastNack) }),
  }
}

function relative({ state, revision }: TypeState, newest: number): SyncStatus['types'][string] {
  return revision === newest ? { state } : { state, revision }
}

function clippedNack({ type, resource, error }: Nack): Nack {
  return { type, resource, error: clipped(error) }
}

function inSeconds({ type, resources, error, at, resolvedAt }: LastNack): LastNack {
  return {
    ...{ type, resources: resources.slice(0, told.names), error: clipped(error), at: second(at) },
    ...(resolvedAt !== undefined && { resolvedAt: second(resolvedAt) }),
  }
}

/** Envoy says last what is wrong. */
function clipped(error: string): string {
  return error.length > told.error ? `... ${error.slice(-told.error)}` : error
}

function second(at: string): string {
  return `${at.slice(0, at.indexOf('.'))}Z`
}

/** What another replica told, which may be of another version: what cannot be read of it is on its way. */
export function readSyncStatus(value: unknown): SyncStatus {
  const { revision, state, types, nacks, lastNack } = fieldsOf(value)
  return {
    ...(typeof revision === 'number' && { revision }),
    state: readState(state),
    types: Object.fromEntries(Object.entries(fieldsOf(types)).map(([type, each]) => [type, readType(each)])),
    ...(Array.isArray(nacks) && { nacks: nacks.filter(isNack) }),
    ...(isLastNack(lastNack) && { lastNack }),
  }
}

function readType(value: unknown): SyncStatus['types'][string] {
  const { state, revision } = fieldsOf(value)
  return {
    state: readState(state),
    ...((typeof revision === 'number' || revision === null) && { revision }),
  }
}

function readState(value: unknown): DeliveryState {
  return value === 'acked' || value === 'nacked' ? value : 'pending'
}

function isNack(value: unknown): value is Nack {
  const { type, resource, error } = fieldsOf(value)
  return [type, resource, error].every((each) => typeof each === 'string')
}

function isLastNack(value: unknown): value is LastNack {
  const { type, resources, error, at } = fieldsOf(value)
  return [type, error, at].every((each) => typeof each === 'string') && Array.isArray(resources)
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** An Envoy as another replica told of it; nothing where that cannot be read. */
export function readItem(value: unknown): FleetItem | undefined {
  const { gateway, id, peer, state, connectedAt, labels, version, addresses, types, lastNack, ...rest } =
    fieldsOf(value)
  if (![gateway, id, peer, state, connectedAt].every((each) => typeof each === 'string')) return undefined
  return {
    ...rest,
    ...{ gateway, id, peer, state, connectedAt },
    labels: fieldsOf(labels),
    version: typeof version === 'string' ? version : '',
    addresses: Array.isArray(addresses) ? addresses.filter((each) => typeof each === 'string') : [],
    types: fieldsOf(types),
    lastNack: isLastNack(lastNack) ? lastNack : null,
  } as FleetItem
}

/** The view of a stream that another replica has; `newest` is the newest revision of that replica's Envoys. */
export function viewOf(status: SyncStatus, protocol: StreamView['protocol'], newest: number): StreamView {
  const { revision = newest, state, nacks = [] } = status
  const types = Object.entries(status.types).map(([type, each]): [string, TypeState] => {
    return [type, { state: each.state, revision: each.revision === undefined ? newest : each.revision }]
  })
  return {
    protocol,
    revision: () => revision,
    types: () => Object.fromEntries(types),
    delivery: () => ({ state, nacks }),
  }
}
