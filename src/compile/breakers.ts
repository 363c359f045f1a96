import type { BreakerRule } from '../model/breaker-rule.ts'
import { ClusterSpec, type EffectiveCluster } from '../model/cluster.ts'
import type { Document } from '../model/document.ts'
import { milliseconds } from '../model/duration.ts'
import { effective } from '../model/effective.ts'
import { all, type State } from '../model/state.ts'
import type { EffectiveBreaker } from '../policies/outlier-detection/breaker.ts'
import { outlierDocument, outlierPolicy } from '../policies/outlier-detection/policy-of.ts'
import { Remembered } from './remembered.ts'

const remembered = new Remembered<BreakerRule | undefined>()

/**
 * The strict breakers of the fleet, by cluster, whether or not a route forwards there. A rule that nothing changed for is
 * the very same object as before.
 */
export function breakersOf(state: State): ReadonlyMap<string, BreakerRule> {
  const rules = all(state, 'Cluster').flatMap(({ document }) => {
    const { outlierDetection } = effective<EffectiveCluster>(ClusterSpec, document.spec)
    const policy = outlierDocument(state, outlierDetection)
    if (policy === undefined) return []
    const make = () => ruleOf(document.name, breakerOf(outlierDetection, policy))
    const rule = remembered.of(policy, document.name, [], make)
    return rule === undefined ? [] : [[rule.cluster, rule] as const]
  })
  return new Map(rules)
}

/**
 * The breakers of a state, and those of clusters that have none there any more while Envoys are held at states in which
 * they have: those still ask. A cluster with a breaker in both has one rule, the newest.
 */
export function breakersOver(newest: State, others: readonly State[]): ReadonlyMap<string, BreakerRule> {
  const older = [...new Set(others)].filter((state) => state !== newest).map(breakersOf)
  return older.length === 0
    ? breakersOf(newest)
    : new Map([...older.flatMap((rules) => [...rules]), ...breakersOf(newest)])
}

function breakerOf(name: string, policy: Document): EffectiveBreaker | undefined {
  return outlierPolicy(name, policy)?.breaker as EffectiveBreaker | undefined
}

function ruleOf(cluster: string, breaker: EffectiveBreaker | undefined): BreakerRule | undefined {
  if (breaker === undefined) return undefined
  const { errorRate, window, open, probes, slowerThan, fallback } = breaker
  return {
    ...{ cluster, errorRate, window, probes },
    open: milliseconds(open) * 1_000,
    ...(slowerThan !== undefined && { slowerThan: milliseconds(slowerThan) }),
    fallback: fallback !== undefined,
  }
}
