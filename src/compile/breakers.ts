import type { BreakerRule } from '../model/breaker-rule.ts'
import { ClusterSpec, type EffectiveCluster } from '../model/cluster.ts'
import { milliseconds } from '../model/duration.ts'
import { effective } from '../model/effective.ts'
import { all, type State } from '../model/state.ts'
import type { EffectiveBreaker } from '../policies/outlier-detection/breaker.ts'
import { type EffectiveOutlierDetection, OutlierDetectionSpec } from '../policies/outlier-detection/schema.ts'
import { Remembered } from './remembered.ts'

/** The strict breaker of a cluster, as its policy has it. */
export interface StrictBreaker {
  readonly cluster: string
  readonly policy: string
  readonly breaker: EffectiveBreaker
}

const remembered = new Remembered<StrictBreaker>()

/** Strict breakers by cluster, whether or not a route forwards there; one that nothing changed for is the very same object. */
export function strictBreakers(state: State): ReadonlyMap<string, StrictBreaker> {
  const policies = all(state, 'OutlierDetectionPolicy').flatMap(({ document }) => {
    const { breaker } = effective<EffectiveOutlierDetection>(OutlierDetectionSpec, document.spec)
    return breaker === undefined ? [] : [[document.name, { document, breaker }] as const]
  })
  // Most fleets have none, and then no cluster is looked at.
  if (policies.length === 0) return new Map()
  const byName = new Map(policies)
  const found = all(state, 'Cluster').flatMap(({ document: { name: cluster, spec } }) => {
    const { outlierDetection: policy } = effective<EffectiveCluster>(ClusterSpec, spec)
    const named = byName.get(policy)
    if (named === undefined) return []
    const breaker = named.breaker as EffectiveBreaker
    const strict = remembered.of(named.document, cluster, [], () => ({ cluster, policy, breaker }))
    return [[cluster, strict] as const]
  })
  return new Map(found)
}

/** The rules by which the service decides, by cluster; the very same object for the very same breaker. */
export function breakersOf(state: State): ReadonlyMap<string, BreakerRule> {
  return new Map([...strictBreakers(state)].map(([cluster, strict]) => [cluster, ruleOf(strict)]))
}

/**
 * The rules of a state, and those of clusters that have no breaker there any more while Envoys are held at states in which
 * they have: those still ask. A cluster with a breaker in both has one rule, the newest.
 */
export function breakersOver(newest: State, others: readonly State[]): ReadonlyMap<string, BreakerRule> {
  const older = [...new Set(others)].filter((state) => state !== newest).map(breakersOf)
  return older.length === 0
    ? breakersOf(newest)
    : new Map([...older.flatMap((rules) => [...rules]), ...breakersOf(newest)])
}

const known = new WeakMap<StrictBreaker, BreakerRule>()

function ruleOf(strict: StrictBreaker): BreakerRule {
  const made = known.get(strict) ?? makeRule(strict)
  known.set(strict, made)
  return made
}

function makeRule({ cluster, policy, breaker }: StrictBreaker): BreakerRule {
  const { errorRate, window, open, probes, slowerThan, fallback } = breaker
  return {
    ...{ cluster, policy, errorRate, window, probes },
    open: milliseconds(open) * 1_000,
    ...(slowerThan !== undefined && { slowerThan: milliseconds(slowerThan) }),
    fallback: fallback !== undefined,
  }
}
