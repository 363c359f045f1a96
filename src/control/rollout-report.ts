import { typeUrls } from '../envoy-api/types.ts'
import type { RolloutSpec } from '../model/rollout.ts'
import type { GatewayReport } from '../model/rollout-record.ts'
import { placeOf, type RolloutNode, reaches } from '../xds/rollout.ts'
import type { RolloutEnvoy } from '../xds/rollout-envoys.ts'
import type { Changes } from '../xds/snapshot.ts'
import type { Controller } from './controller.ts'
import type { Compared } from './gate.ts'

/** Of what is refused so much is told, in entries and characters. */
const [maxNacks, maxReason] = [3, 300]

/** What this replica sees of the Envoys of a gateway. */
export function reportOf(
  { record, news }: NonNullable<ReturnType<Controller['stage']>>,
  rollout: RolloutSpec,
  envoys: readonly RolloutEnvoy[],
  figures: Compared,
): GatewayReport {
  const isRolling = record.state === 'running' || record.state === 'halted'
  const [reached, others] = [true, false].map((wanted) =>
    envoys.filter((envoy) => (isRolling && reaches(record.reach, envoy)) === wanted),
  ) as [RolloutEnvoy[], RolloutEnvoy[]]
  // Nobody asks whether all have what all have; and in a large fleet it is not for nothing.
  const counts = record.state === 'done' ? uncounted : counted
  return {
    epoch: record.epoch,
    reached: counts(reached),
    others: counts(others),
    byWave: byWave(rollout, envoys),
    places: places(rollout, envoys),
    nacks: reached.flatMap((envoy) => newNacks(envoy, news)).slice(0, maxNacks),
    figures,
  }
}

function counted(envoys: readonly RolloutEnvoy[]): GatewayReport['reached'] {
  return { envoys: envoys.length, pending: envoys.filter(({ state }) => state() !== 'acked').length }
}

function uncounted(envoys: readonly RolloutEnvoy[]): GatewayReport['reached'] {
  return { envoys: envoys.length, pending: 0 }
}

/** Refused before, by the same reason as now, is not refused because of the rollout. */
function newNacks({ id, nacks }: RolloutEnvoy, news: Changes): string[] {
  return nacks()
    .filter(({ type, resource }) => news.get(typeUrls[type as keyof typeof typeUrls])?.has(resource))
    .map(({ type, resource, error }) => `${type} ${resource} (${id}: ${error.slice(-maxReason)})`)
}

/** The first wave of each Envoy, of those whose waves can be told by itself; the last number is of those in none. */
function byWave({ waves }: RolloutSpec, envoys: readonly RolloutNode[]): number[] {
  const counts = [...waves.map(() => 0), 0]
  for (const envoy of envoys) {
    const first = waves.findIndex(({ nodes, percent = 0 }) =>
      reaches({ nodes: nodes === undefined ? [] : [nodes], share: percent / 100 }, envoy),
    )
    const index = first < 0 ? waves.length : first
    counts[index] = counts[index]! + 1
  }
  return counts
}

/** As many as a wave may need. */
function places({ waves }: RolloutSpec, envoys: readonly RolloutNode[]): number[] {
  const most = Math.max(0, ...waves.map(({ count = 0 }) => count))
  if (most === 0) return []
  const sorted = envoys.map(({ id }) => placeOf(id)).sort((a, b) => a - b)
  return sorted.slice(0, most)
}
