import { keptAfter } from '../compile/cluster/kept-endpoints.ts'
import { compile } from '../compile/compile.ts'
import type { Live } from '../compile/live.ts'
import { encodeResources } from '../envoy-api/encoded.ts'
import { typeUrls } from '../envoy-api/types.ts'
import { find, type State } from '../model/state.ts'
import { inClear } from '../secrets/in-clear.ts'
import { changesBetween, resourcesOf, type Snapshot } from '../xds/snapshot.ts'
import { type Drain, drainOf, type PlanStep, type ResourceChange, stepsOf } from './plan.ts'

/** What of one gateway's Envoy resources differs between two states. */
export interface GatewayChange extends ResourceChange {
  gateway: string
  /** Listeners whose connections Envoy drains. */
  drains: Drain[]
  /** In which order it gets there. */
  steps: PlanStep[]
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
  const then = { ...live, secrets, kept: keptAfter(before, after, live.kept) }
  return [...gateways].sort().flatMap((gateway) => {
    const change = gatewayChange(snapshot(before, gateway, live), snapshot(after, gateway, then))
    return change.steps.length > 0 ? [change] : []
  })
}

function snapshot(state: State, gateway: string, live: Live): Snapshot {
  const there = find(state, 'Gateway', gateway) !== undefined
  const resources = there ? encodeResources(compile(state, gateway, live).resources, inClear) : new Map()
  return { gateway, revision: state.revision, resources }
}

function gatewayChange(before: Snapshot, after: Snapshot): GatewayChange {
  const change: ResourceChange = { added: [], changed: [], removed: [] }
  const changes = changesBetween(before, after)
  for (const [type, url] of Object.entries(typeUrls)) {
    const [old, present] = [resourcesOf(before, url), resourcesOf(after, url)]
    for (const name of [...(changes.get(url) ?? [])].sort()) {
      const list = !old.has(name) ? change.added : present.has(name) ? change.changed : change.removed
      list.push({ type, name })
    }
  }
  const steps = stepsOf(change)
  return { gateway: after.gateway, ...change, drains: drainsBetween(before, after, change), steps }
}

/** Nothing but a listener that is changed or removed closes connections of clients. */
function drainsBetween(before: Snapshot, after: Snapshot, { changed, removed }: ResourceChange): Drain[] {
  const [old, present] = [resourcesOf(before, typeUrls.listener), resourcesOf(after, typeUrls.listener)]
  return [...changed, ...removed]
    .filter(({ type }) => type === 'listener')
    .flatMap(({ name }) => drainOf(old.get(name)!, present.get(name)) ?? [])
}
