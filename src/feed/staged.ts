import { WeirError } from '../errors.ts'
import type { GatewaySpec } from '../model/gateway.ts'
import type { RolloutRecord } from '../model/rollout-record.ts'
import { all, type State, type StoredObject } from '../model/state.ts'
import type { Observe } from '../observe.ts'

/** A gateway that is moved from one state to another, and the two. */
export interface Staged {
  readonly record: RolloutRecord
  readonly base: State
  readonly candidate: State
}

/** By gateway: those that have a `rollout`. */
export type StagedGateways = ReadonlyMap<string, Staged>

export const nothingStaged: StagedGateways = new Map()

/** The same with each state as `change` gives it; the very same map where it changes none. */
export function stagedBy(staged: StagedGateways, change: (state: State) => State): StagedGateways {
  const changed = [...staged].map(([gateway, each]) => {
    const [base, candidate] = [change(each.base), change(each.candidate)]
    const isSame = base === each.base && candidate === each.candidate
    return [gateway, isSame ? each : { ...each, base, candidate }] as const
  })
  return changed.every(([gateway, each]) => staged.get(gateway) === each) ? staged : new Map(changed)
}

/** All states that Envoys are held at, or are moved to. */
export function statesIn(staged: StagedGateways): State[] {
  return [...new Set([...staged.values()].flatMap(({ base, candidate }) => [base, candidate]))]
}

/**
 * Says for a newest state which of its gateways are held at other revisions, with the states of those. The very same map
 * where nothing moved. What both states have in common is shared, so that nothing is compiled or kept twice.
 */
export function createStagedReader(options: {
  rollouts(): Promise<readonly RolloutRecord[]>
  /** The state at a revision. */
  at(revision: number): Promise<State>
  observe: Observe
}): (newest: State) => Promise<StagedGateways> {
  const { rollouts, at, observe } = options
  let known: StagedGateways = nothingStaged
  let states = new Map<number, State>()
  let last: State | undefined

  /** Nothing where it was compacted away, which only the loss of a record explains. */
  async function stateAt(revision: number, ...near: (State | undefined)[]): Promise<State | undefined> {
    const held = near.find((state) => state?.revision === revision) ?? states.get(revision)
    if (held !== undefined) return held
    try {
      return sharing(await at(revision), near[0])
    } catch (error) {
      if (!(error instanceof WeirError && (error.code === 'gone' || error.code === 'not_found'))) throw error
      observe({ event: 'failed', where: `state of revision ${revision}, at which Envoys are held`, error })
      return undefined
    }
  }

  async function read(record: RolloutRecord, newest: State, before: State | undefined): Promise<Staged> {
    const candidate = (await stateAt(record.candidate, newest, before)) ?? newest
    const base = (await stateAt(record.base, newest, before)) ?? candidate
    return { record, base, candidate }
  }

  return async (newest) => {
    const names = new Set(
      all(newest, 'Gateway')
        .filter(({ document }) => (document.spec as GatewaySpec).rollout !== undefined)
        .map(({ document }) => document.name),
    )
    // The state before the newest is what Envoys are held at as a rule, and need not be read again.
    const before = last
    last = newest
    const records = names.size === 0 ? [] : (await rollouts()).filter(({ gateway }) => names.has(gateway))
    const same =
      records.length === known.size &&
      records.every(({ gateway, version }) => known.get(gateway)?.record.version === version)
    if (same) return known
    const staged = new Map<string, Staged>()
    const wanted = new Map<number, State>()
    for (const record of records) {
      const present = known.get(record.gateway)
      const each = present?.record.version === record.version ? present : await read(record, newest, before)
      staged.set(record.gateway, each)
      for (const state of [each.base, each.candidate]) wanted.set(state.revision, state)
    }
    states = wanted
    known = staged
    return known
  }
}

/** The same state, with the very objects of another one where they have not changed in between. */
function sharing(state: State, other: State | undefined): State {
  const objects = new Map<string, ReadonlyMap<string, StoredObject>>()
  for (const [kind, byName] of state.objects) {
    const others = other?.objects.get(kind)
    const shared = [...byName].map(([name, object]): [string, StoredObject] => {
      const twin = others?.get(name)
      return [name, twin?.revision === object.revision ? twin : object]
    })
    objects.set(kind, new Map(shared))
  }
  return { revision: state.revision, objects }
}
