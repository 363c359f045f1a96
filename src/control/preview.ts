import { compile } from '../compile/compile.ts'
import type { Live } from '../compile/live.ts'
import { encodeResources } from '../envoy-api/encoded.ts'
import { type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import { find, type State } from '../model/state.ts'
import { inClear } from '../secrets/in-clear.ts'
import { changesBetween, resourcesOf, type Snapshot } from '../xds/snapshot.ts'

/** What of one gateway's Envoy resources differs between two states, by the short names of their types. */
export interface GatewayChange {
  gateway: string
  added: ChangedResource[]
  changed: ChangedResource[]
  removed: ChangedResource[]
  /** Listeners that are changed or removed: Envoy drains the connections on them. */
  drains: string[]
}

export interface ChangedResource {
  type: string
  name: string
}

/** The changes of those of the gateways where Envoy would get anything else; pure, as `compile` is. */
export function preview(
  before: State,
  after: State,
  gateways: ReadonlySet<string>,
  live: Live,
): GatewayChange[] {
  // What the write would store has no id yet, and is another text than any that is stored.
  const secrets = new Map([...live.secrets, ['(new)', live.placeholder.privateKey]])
  const then = { ...live, secrets }
  return [...gateways].sort().flatMap((gateway) => {
    const change = gatewayChange(snapshot(before, gateway, live), snapshot(after, gateway, then))
    const { added, changed, removed } = change
    return added.length + changed.length + removed.length > 0 ? [change] : []
  })
}

function snapshot(state: State, gateway: string, live: Live): Snapshot {
  const there = find(state, 'Gateway', gateway) !== undefined
  const resources = there ? encodeResources(compile(state, gateway, live).resources, inClear) : new Map()
  return { gateway, revision: state.revision, resources }
}

function gatewayChange(before: Snapshot, after: Snapshot): GatewayChange {
  const change: GatewayChange = { gateway: after.gateway, added: [], changed: [], removed: [], drains: [] }
  const changes = changesBetween(before, after)
  for (const [type, url] of Object.entries(typeUrls)) {
    const [old, present] = [resourcesOf(before, url), resourcesOf(after, url)]
    for (const name of [...(changes.get(url) ?? [])].sort()) {
      const list = !old.has(name) ? change.added : present.has(name) ? change.changed : change.removed
      list.push({ type, name })
      if (drains(url) && old.has(name)) change.drains.push(name)
    }
  }
  return change
}

/** Nothing but a listener that is changed or removed closes connections of clients. */
function drains(type: TypeUrl): boolean {
  return type === typeUrls.listener
}
