import { createHash } from 'node:crypto'
import type { Snapshot } from './snapshot.ts'

/** An Envoy, as far as it matters which of two snapshots it gets. */
export interface RolloutNode {
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
}

/** Which Envoys of a gateway a rollout has come to: those with one of these sets of labels, and a share of all. */
export interface Reach {
  readonly nodes: readonly Readonly<Record<string, string>>[]
  /** From 0 (nobody) to 1 (everybody). */
  readonly share: number
}

/** What the Envoys get that a rollout has not come to. */
export interface RolloutBase {
  readonly snapshot: Snapshot
  readonly reach: Reach
}

export const everybody: Reach = { nodes: [], share: 1 }

/**
 * Where an Envoy stands among all, from 0 to below 1: the first 32 bits of the SHA-256 of its id. It depends on nothing
 * else, so that every replica says the same, and the same Envoys are always among the first.
 */
export function placeOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt32BE(0) / 2 ** 32
}

/** Whether the Envoy is among those that a rollout has come to. */
export function reaches({ nodes, share }: Reach, { id, labels }: RolloutNode): boolean {
  if (nodes.some((wanted) => Object.entries(wanted).every(([key, value]) => labels[key] === value)))
    return true
  return share >= 1 || (share > 0 && placeOf(id) < share)
}

/** Which of a gateway's two snapshots an Envoy gets. */
export function snapshotFor(newest: Snapshot, base: RolloutBase | undefined, node: RolloutNode): Snapshot {
  return base === undefined || reaches(base.reach, node) ? newest : base.snapshot
}
