import { type RolloutBase, type RolloutNode, snapshotFor } from './rollout.ts'
import { type Changes, type Snapshot, sharedChanges } from './snapshot.ts'

/** A stream, as far as the distribution of snapshots is concerned. */
export interface Member {
  readonly node: RolloutNode
  readonly snapshot: Snapshot
  /** Converge to `snapshot`; `changes` are those from the member's present one. */
  retarget(snapshot: Snapshot, changes: Changes): void
  /** Send once more what was refused. */
  retry(): void
}

interface Gateway {
  snapshot: Snapshot
  /** What the Envoys get instead that a rollout has not come to. */
  base: RolloutBase | undefined
  /** The gateway was deleted; its last Envoys are being emptied. */
  retired: boolean
  readonly members: Set<Member>
}

export type Admission = { readonly snapshot: Snapshot } | 'unknown'

interface Waiting {
  readonly node: RolloutNode
  readonly answer: (admission: Admission) => void
}

/**
 * The newest snapshot of each gateway, and the streams that follow it. Several publications in one tick reach a
 * stream as one, so that no stream has more than one step before it.
 */
export class Gateways {
  readonly #gateways = new Map<string, Gateway>()
  readonly #held = new Map<string, Set<Waiting>>()
  readonly #changed = new Set<string>()
  readonly #changes = sharedChanges()
  #loaded = false

  publish(snapshot: Snapshot, base?: RolloutBase): void {
    const gateway = this.#gateways.get(snapshot.gateway)
    if (gateway === undefined) {
      this.#gateways.set(snapshot.gateway, { snapshot, base, retired: false, members: new Set() })
    } else {
      gateway.snapshot = snapshot
      gateway.base = base
      gateway.retired = false
      this.#schedule(snapshot.gateway)
    }
    this.#release(snapshot.gateway)
  }

  /** The gateway is gone as of `revision`: its Envoys lose everything but their streams. */
  retire(name: string, revision: number): void {
    const gateway = this.#gateways.get(name)
    if (gateway === undefined) return
    gateway.snapshot = { gateway: name, revision, resources: new Map() }
    gateway.base = undefined
    gateway.retired = true
    if (gateway.members.size === 0) this.#gateways.delete(name)
    else this.#schedule(name)
  }

  /** What was published last. */
  newest(name: string): Snapshot | undefined {
    return this.#gateways.get(name)?.snapshot
  }

  /** What that Envoy is to have, while the gateway is served. */
  snapshotFor(name: string, node: RolloutNode): Snapshot | undefined {
    const gateway = this.#gateways.get(name)
    return gateway === undefined ? undefined : snapshotFor(gateway.snapshot, gateway.base, node)
  }

  /** The gateway's streams send once more what was refused. */
  retry(name: string): void {
    for (const member of this.#gateways.get(name)?.members ?? []) member.retry()
  }

  /** From now on a gateway that was not published does not exist; until now it might merely not be loaded. */
  markLoaded(): void {
    this.#loaded = true
    for (const name of [...this.#held.keys()]) this.#release(name)
  }

  /**
   * Calls back with the gateway's snapshot, or that there is no such gateway: at once if that is known, else
   * when it is. Returns a function that withdraws the question.
   */
  admit(name: string, node: RolloutNode, answer: (admission: Admission) => void): () => void {
    const gateway = this.#gateways.get(name)
    if ((gateway !== undefined && !gateway.retired) || this.#loaded) answer(this.#admission(name, node))
    else {
      const held = this.#held.get(name) ?? new Set()
      const waiting = { node, answer }
      this.#held.set(name, held.add(waiting))
      return () => {
        held.delete(waiting)
        if (held.size === 0 && this.#held.get(name) === held) this.#held.delete(name)
      }
    }
    return () => {}
  }

  /** `member` follows the gateway's snapshots from now on; returns a function that ends this. */
  join(name: string, member: Member): () => void {
    const gateway = this.#gateways.get(name)
    if (gateway === undefined) throw new Error(`gateway ${name} was not published`)
    gateway.members.add(member)
    return () => {
      gateway.members.delete(member)
      if (gateway.retired && gateway.members.size === 0) this.#gateways.delete(name)
    }
  }

  #admission(name: string, node: RolloutNode): Admission {
    const gateway = this.#gateways.get(name)
    if (gateway === undefined || gateway.retired) return 'unknown'
    return { snapshot: snapshotFor(gateway.snapshot, gateway.base, node) }
  }

  #release(name: string): void {
    const held = this.#held.get(name)
    this.#held.delete(name)
    for (const { node, answer } of held ?? []) answer(this.#admission(name, node))
  }

  #schedule(name: string): void {
    if (this.#changed.size === 0) setImmediate(() => this.#distribute())
    this.#changed.add(name)
  }

  #distribute(): void {
    const names = [...this.#changed]
    this.#changed.clear()
    for (const name of names) {
      const gateway = this.#gateways.get(name)
      for (const member of gateway?.members ?? []) {
        const snapshot = snapshotFor(gateway!.snapshot, gateway!.base, member.node)
        if (member.snapshot !== snapshot) member.retarget(snapshot, this.#changes(member.snapshot, snapshot))
      }
    }
  }
}
