import { breakersOver } from '../compile/breakers.ts'
import { tierClusters } from '../compile/cluster/tier-endpoints.ts'
import { type Compiled, compile } from '../compile/compile.ts'
import { type Compiler, createCompiler } from '../compile/compiler.ts'
import { limitsOver } from '../compile/limits.ts'
import type { Live } from '../compile/live.ts'
import type { Origin } from '../compile/provenance.ts'
import { type EncodedResources, encodeResources } from '../envoy-api/encoded.ts'
import { type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import { nothingStaged, type Staged, type StagedGateways, statesIn } from '../feed/staged.ts'
import type { BreakerRule } from '../model/breaker-rule.ts'
import type { Limits } from '../model/limit-rule.ts'
import { emptyState, type State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { inClear } from '../secrets/in-clear.ts'
import type { HeldBack } from '../xds/rollout.ts'
import type { Snapshot } from '../xds/snapshot.ts'
import type { Announced } from './announced.ts'
import { type Stage, stageOf } from './staging.ts'

/** Where compiled gateways go. */
export interface Outlets {
  /** Envoy's side: the resources of one gateway at a revision, and those for whom a rollout has not come to. */
  publish(snapshot: Snapshot, held?: HeldBack): void
  /** The gateway is no more: its Envoys are to have nothing. */
  retire(gateway: string, revision: number): void
  /** The rate-limit service's side: the rules of the same state. */
  setLimits(limits: Limits): void
  setBreakers(rules: ReadonlyMap<string, BreakerRule>): void
}

export interface Controller {
  /**
   * Compiles every gateway of a state, with the private keys that it uses, and hands the results on; where the state is
   * the same as before, only those that are held at others than before.
   */
  apply(state: State, keys: Live['secrets'], staged?: StagedGateways, kept?: Live['kept']): void
  /** How a gateway with a `rollout` is served. */
  stage(gateway: string): (Stage & Pick<Staged, 'record'>) | undefined
  /** The time of endpoints that were kept is over: compiles the gateways of those clusters anew, in the same way. */
  expire(kept: Live['kept']): void
  /**
   * Takes over where the Envoys are, and compiles the gateways whose clusters forward to one of `moved` anew: once for
   * all that is told in one tick. Their revision stays what it is.
   */
  announce(announced: Announced, moved: ReadonlySet<string>): void
  /** What is known now and not written. */
  live(): Live
  /** Which rows made a resource that is in force. */
  rowsBehind(gateway: string, type: TypeUrl, resource: string): Origin[]
  /** What is in force of a gateway, and the state that it was made of. */
  made(gateway: string): Made | undefined
  /** The newest state that was applied: what is in force here, whatever became of the database. */
  state(): State
  /** The revision in force; 0 before the first. */
  revision(): number
  gateways(): string[]
}

/** A gateway of a state, compiled and encoded. */
export interface Made {
  readonly state: State
  readonly compiled: Compiled
  readonly resources: EncodedResources
}

/** Keeps the fleet and the rate-limit service at the newest state: one compile feeds both. */
export function createController(options: { live: Live; outlets: Outlets; observe: Observe }): Controller {
  const { outlets, observe } = options
  const compilers = new Map<string, Compiler>()
  const made = new Map<string, Made>()
  const stages = new Map<string, Stage & Pick<Staged, 'record'>>()
  let { live } = options
  let newest = emptyState
  let staged = nothingStaged
  let moved: ReadonlySet<string> = new Set()
  let expired: readonly string[] = []

  function refresh(state: State, gateway: string): void {
    const started = performance.now()
    const compileNext = compilers.get(gateway) ?? createCompiler(gateway)
    compilers.set(gateway, compileNext)
    const before = made.get(gateway)
    const result = compileNext(state, live)
    const former = before && { resources: before.compiled.resources, encoded: before.resources }
    const resources = encodeResources(result.resources, inClear, former)
    made.set(gateway, { state, compiled: result, resources })
    publish({ gateway, revision: state.revision, resources })
    const milliseconds = performance.now() - started
    observe({ event: 'compiled', gateway, revision: state.revision, milliseconds })
    for (const { kind, name, message } of result.problems) {
      observe({ event: 'held_back', gateway, kind, name, reason: message })
    }
  }

  function publish(snapshot: Snapshot): void {
    const { gateway, revision } = snapshot
    const held = staged.get(gateway)
    if (held === undefined) {
      stages.delete(gateway)
      outlets.publish(snapshot)
      return
    }
    const at = (state: State): Snapshot => {
      if (state.revision === revision) return snapshot
      const resources = encodeResources(compile(state, gateway, live).resources, inClear)
      return { gateway, revision: state.revision, resources }
    }
    const base = at(held.base)
    const candidate = held.candidate === held.base ? base : at(held.candidate)
    const stage = stageOf(held.record, { newest: snapshot, candidate, base })
    stages.set(gateway, { ...stage, record: held.record })
    outlets.publish(stage.snapshot, stage.held)
  }

  /** A fault of ours in one gateway leaves that one at its last good state and the others going. */
  function tryRefresh(state: State, gateway: string): void {
    guarded(`compile of gateway ${gateway}`, () => refresh(state, gateway))
  }

  function guarded(where: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      observe({ event: 'failed', where, error })
    }
  }

  function follow(): void {
    const clusters = [...tierClusters(newest, moved), ...expired]
    moved = new Set()
    expired = []
    for (const [gateway, { compiled }] of made) {
      const { resources } = compiled
      const own = resources.get(typeUrls.cluster)
      if (clusters.some((name) => own?.has(name))) tryRefresh(newest, gateway)
    }
  }

  return {
    apply(state, keys, held = nothingStaged, kept = live.kept) {
      const isSame = state === newest && keys === live.secrets && kept === live.kept
      const before = staged
      newest = state
      staged = held
      live = { ...live, secrets: keys, kept }
      // The service first: an Envoy that asks by the new routes must find their rules.
      const others = statesIn(staged)
      guarded('limits', () => outlets.setLimits(limitsOver(state, others)))
      guarded('breakers', () => outlets.setBreakers(breakersOver(state, others)))
      const wanted = [...(state.objects.get('Gateway')?.keys() ?? [])].sort()
      for (const gateway of wanted) {
        if (!isSame || before.get(gateway) !== held.get(gateway)) tryRefresh(state, gateway)
      }
      if (!isSame) {
        moved = new Set()
        expired = []
      }
      for (const gateway of [...made.keys()].filter((name) => !wanted.includes(name))) {
        outlets.retire(gateway, state.revision)
        made.delete(gateway)
        compilers.delete(gateway)
        stages.delete(gateway)
      }
    },
    announce(announced, gateways) {
      live = { ...live, announced }
      if (moved.size + expired.length === 0) setImmediate(follow)
      moved = moved.union(gateways)
    },
    stage: (gateway) => stages.get(gateway),
    expire(kept) {
      if (moved.size + expired.length === 0) setImmediate(follow)
      expired = [...expired, ...[...live.kept.keys()].filter((name) => !kept.has(name))]
      live = { ...live, kept }
    },
    live: () => live,
    rowsBehind: (gateway, type, resource) => made.get(gateway)?.compiled.provenance.of(type, resource) ?? [],
    made: (gateway) => made.get(gateway),
    state: () => newest,
    revision: () => newest.revision,
    gateways: () => [...made.keys()],
  }
}
