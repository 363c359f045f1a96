import { tierClusters } from '../compile/cluster/tier-endpoints.ts'
import { type Compiled, compile } from '../compile/compile.ts'
import { limitsOf } from '../compile/limits.ts'
import type { Live } from '../compile/live.ts'
import type { Origin } from '../compile/provenance.ts'
import { type EncodedResources, encodeResources } from '../envoy-api/encoded.ts'
import { type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import type { Limits } from '../model/limit-rule.ts'
import { emptyState, type State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { inClear } from '../secrets/in-clear.ts'
import type { Announced } from './announced.ts'

/** Where compiled gateways go. */
export interface Outlets {
  /** Envoy's side: the resources of one gateway at a revision. */
  publish(snapshot: { gateway: string; revision: number; resources: EncodedResources }): void
  /** The gateway is no more: its Envoys are to have nothing. */
  retire(gateway: string, revision: number): void
  /** The rate-limit service's side: the rules of the same state. */
  setLimits(limits: Limits): void
}

export interface Controller {
  /** Compiles every gateway of a state, with the private keys that it uses, and hands the results on. */
  apply(state: State, keys: Live['secrets'], kept?: Live['kept']): void
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
  /** The newest state that was applied: what is in force here, whatever became of the database. */
  state(): State
  /** The revision in force; 0 before the first. */
  revision(): number
  gateways(): string[]
}

/** Keeps the fleet and the rate-limit service at the newest state: one compile feeds both. */
export function createController(options: { live: Live; outlets: Outlets; observe: Observe }): Controller {
  const { outlets, observe } = options
  const compiled = new Map<string, Compiled>()
  let { live } = options
  let newest = emptyState
  let moved: ReadonlySet<string> = new Set()
  let expired: readonly string[] = []

  function refresh(state: State, gateway: string): void {
    const started = performance.now()
    const result = compile(state, gateway, live)
    const resources = encodeResources(result.resources, inClear)
    compiled.set(gateway, result)
    outlets.publish({ gateway, revision: state.revision, resources })
    const milliseconds = performance.now() - started
    observe({ event: 'compiled', gateway, revision: state.revision, milliseconds })
    for (const { kind, name, message } of result.problems) {
      observe({ event: 'held_back', gateway, kind, name, reason: message })
    }
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
    for (const [gateway, { resources }] of compiled) {
      const own = resources.get(typeUrls.cluster)
      if (clusters.some((name) => own?.has(name))) tryRefresh(newest, gateway)
    }
  }

  return {
    apply(state, keys, kept = new Map()) {
      newest = state
      live = { ...live, secrets: keys, kept }
      moved = new Set()
      expired = []
      // The service first: an Envoy that asks by the new routes must find their rules.
      guarded('limits', () => outlets.setLimits(limitsOf(state)))
      const wanted = [...(state.objects.get('Gateway')?.keys() ?? [])].sort()
      for (const gateway of wanted) tryRefresh(state, gateway)
      for (const gateway of [...compiled.keys()].filter((name) => !wanted.includes(name))) {
        outlets.retire(gateway, state.revision)
        compiled.delete(gateway)
      }
    },
    announce(announced, gateways) {
      live = { ...live, announced }
      if (moved.size + expired.length === 0) setImmediate(follow)
      moved = moved.union(gateways)
    },
    expire(kept) {
      if (moved.size + expired.length === 0) setImmediate(follow)
      expired = [...expired, ...[...live.kept.keys()].filter((name) => !kept.has(name))]
      live = { ...live, kept }
    },
    live: () => live,
    rowsBehind: (gateway, type, resource) => compiled.get(gateway)?.provenance.of(type, resource) ?? [],
    state: () => newest,
    revision: () => newest.revision,
    gateways: () => [...compiled.keys()],
  }
}
