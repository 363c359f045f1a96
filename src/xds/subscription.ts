import type { EncodedResource } from '../envoy-api/encoded.ts'
import { Bisect } from './bisect.ts'
import type { Batch, Outstanding, Pending, Permit, Target } from './exchange.ts'
import { absent, asked, Held, type HeldVersion, uncertain } from './held.ts'
import { Interest } from './interest.ts'
import type { NodeMemory } from './memory.ts'

/**
 * The state of one resource type on one stream: what the client wants, what it has, and what is on its way.
 * Knows nothing of sockets, clocks or the wire format (xDS protocol, "Incremental xDS" and "Wildcard").
 */
export class Subscription {
  readonly type: string
  readonly interest = new Interest()
  outstanding: Outstanding | undefined
  #target: Target
  readonly #memory: NodeMemory
  readonly #served: boolean
  readonly #held = new Held()
  /** Names whose held version may differ from the target; every other wanted name is known to be equal. */
  readonly #dirty = new Set<string>()
  /** Names of the outstanding response that were asked for again after it was sent. */
  readonly #askedAgain = new Set<string>()
  /** Wanted names whose newest version this client rejected. */
  readonly #parked = new Set<string>()
  readonly #bisect = new Bisect()
  #owesAnswer = false
  #inForce: number | null = null
  #pending: Pending | undefined

  /** `served` is false for a type that weir does not know: it has nothing to tell, so not even an empty answer. */
  constructor(type: string, target: Target, memory: NodeMemory, served = true) {
    this.type = type
    this.#served = served
    this.#target = target
    this.#memory = memory
  }

  /**
   * Starts from the first request of the type. No names mean all of them; `held` are versions that the client
   * brought from an earlier stream. A client that brings none is owed an answer, be it empty. With `anew`, all is
   * sent again whatever it brings.
   */
  open(subscribe: readonly string[], held: ReadonlyMap<string, string>, anew = false): void {
    this.subscribe(subscribe.length === 0 ? ['*'] : subscribe)
    for (const [name, version] of held) {
      if (anew || !this.wants(name)) continue
      this.#held.set(name, version)
      this.#mark(name)
    }
    for (const [name, version] of this.#memory.doubts(this.type)) {
      const waits = this.interest.names.has(name) && (version === undefined || !held.has(name))
      if ((held.get(name) ?? '') === version) this.#memory.settle(this.type, name)
      else this.#learn(name, waits ? asked : uncertain)
    }
    if (held.size > 0) this.#owesAnswer = false
  }

  wants(name: string): boolean {
    return this.interest.wants(name)
  }

  /** A name that is asked for again is sent again: the client may have dropped it meanwhile. */
  subscribe(names: Iterable<string>): void {
    for (const name of names) {
      if (name === '*') {
        this.#subscribeAll()
        continue
      }
      this.interest.add(name, this.#target.resources)
      this.askAgain(name)
    }
  }

  /** Under a wildcard, a name that is given up is answered once more, as the protocol asks. */
  unsubscribe(names: Iterable<string>): void {
    for (const name of names) {
      if (name === '*') {
        this.interest.wildcard = false
        this.#owesAnswer = false
        this.#held.restrict(this.interest.names)
      } else if (this.interest.remove(name, this.#target.resources)) {
        if (this.interest.wildcard) this.askAgain(name)
      }
    }
    for (const name of this.#parked) if (!this.wants(name)) this.#parked.delete(name)
    this.#pending = undefined
  }

  /** Sends what the target says of `name` once more, even if the client has it. */
  askAgain(name: string): void {
    if (!this.wants(name)) return
    this.#held.set(name, asked)
    this.#mark(name)
    if (this.outstanding !== undefined) this.#askedAgain.add(name)
  }

  /** `askAgain`, because the client waits for it: even if the stream breaks first, and whatever it claims then. */
  follow(name: string): void {
    if (!this.interest.names.has(name)) return
    this.askAgain(name)
    this.#memory.doubt(this.type, name)
  }

  /** `changed` are the names in which the two targets differ. */
  retarget(target: Target, changed: Iterable<string>): void {
    this.#inForce = this.revision
    const before = this.#target.resources
    this.#target = target
    for (const name of changed) {
      this.interest.changed(name, before, target.resources)
      if (this.wants(name)) this.#mark(name)
    }
  }

  get pending(): Pending {
    return this.#refresh()
  }

  /** What goes into the next response; undefined when nothing may go. Nothing changes until `sent`. */
  next(permit: Permit): Batch | undefined {
    if (this.outstanding !== undefined) return undefined
    const removed = [...this.pending.absences, ...(permit.removals ? this.pending.removals : [])]
    const upserts = this.#permitted(permit.upserts)
    const answer = this.#owesAnswer && permit.upserts === 'all'
    return upserts.length > 0 || removed.length > 0 || answer ? { upserts, removed } : undefined
  }

  sent(nonce: string, batch: Batch): void {
    for (const resource of batch.upserts) this.#dirty.delete(resource.name)
    for (const name of batch.removed) this.#dirty.delete(name)
    if (batch.upserts.length > 0) this.#bisect.sent()
    this.#owesAnswer = false
    this.#askedAgain.clear()
    this.outstanding = { nonce, revision: this.#target.revision, ...batch }
    this.#pending = undefined
  }

  /** The client accepted the outstanding response. */
  ack(): void {
    const answered = this.#settle()
    if (answered === undefined) return
    for (const { name, version } of answered.upserts) this.#confirm(name, version)
    for (const name of answered.removed) this.#confirm(name, absent)
    if (this.#dirty.size === 0 && this.#parked.size === 0) this.#inForce = answered.revision
  }

  /**
   * The client refused the outstanding response, of which it may have applied a part. The culprit is looked
   * for (`Bisect`); a version that is refused alone is parked: not sent again until it changes. Returns the
   * parked name.
   */
  nack(error: string): string | undefined {
    const answered = this.#settle()
    if (answered === undefined) return undefined
    const [first, ...others] = answered.upserts
    if (first === undefined) {
      for (const name of answered.removed) this.#learn(name, absent)
      return undefined
    }
    for (const name of answered.removed) this.#doubt(name, '')
    if (others.length === 0) {
      this.#memory.reject(this.type, first.name, { version: first.version, error })
      // Refused alone, so it has what it had before; unless that was in doubt already.
      if (this.#held.get(first.name) === asked) this.#learn(first.name, uncertain)
      else this.#mark(first.name)
      return first.name
    }
    for (const { name, version } of answered.upserts) this.#doubt(name, version)
    this.#bisect.split(answered.upserts.map(({ name }) => name))
    return undefined
  }

  /** The stream is over; what was not answered may have been applied or not. */
  close(): void {
    for (const { name, version } of this.outstanding?.upserts ?? []) this.#doubt(name, version)
    for (const name of this.outstanding?.removed ?? []) this.#doubt(name, '')
  }

  /** Names whose newest version this client rejected, with its reasons. */
  parked(): { name: string; error: string }[] {
    this.#refresh()
    return [...this.#parked].map((name) => ({
      name,
      error: this.#memory.rejection(this.type, name)?.error ?? '',
    }))
  }

  get hasParked(): boolean {
    this.#refresh()
    return this.#parked.size > 0
  }

  /** True when the client has everything that the target has for it, parked versions apart. */
  get settled(): boolean {
    this.#refresh()
    return this.outstanding === undefined && this.#dirty.size === 0 && !this.#owesAnswer
  }

  /** True when the client has asked for every resource of the target. */
  get covers(): boolean {
    return this.interest.covers(this.#target.resources)
  }

  /** The newest revision that is wholly in force, as far as this type goes. */
  get revision(): number | null {
    return this.settled && !this.hasParked ? this.#target.revision : this.#inForce
  }

  #refresh(): Pending {
    this.#pending ??= this.#compare()
    return this.#pending
  }

  #subscribeAll(): void {
    if (this.interest.wildcard) return
    this.#held.restrict(this.interest.names)
    this.interest.wildcard = true
    this.#owesAnswer = this.#served
    for (const { name } of this.outstanding?.upserts ?? []) this.#askedAgain.add(name)
    for (const name of this.#target.resources.keys()) this.#mark(name)
  }

  #mark(name: string): void {
    this.#dirty.add(name)
    this.#pending = undefined
  }

  #settle(): Outstanding | undefined {
    const answered = this.outstanding
    this.outstanding = undefined
    this.#pending = undefined
    return answered
  }

  #learn(name: string, version: HeldVersion): void {
    if (!this.wants(name) || this.#askedAgain.has(name)) return
    this.#held.set(name, version)
    if (this.#target.resources.get(name)?.version !== version) this.#mark(name)
  }

  #confirm(name: string, version: string | typeof absent): void {
    if (!this.#askedAgain.has(name)) this.#memory.settle(this.type, name)
    this.#learn(name, version)
  }

  /** `version` is what the client was told, empty for a removal; whether it did as told is not known. */
  #doubt(name: string, version: string): void {
    this.#memory.doubt(this.type, name, version)
    this.#learn(name, uncertain)
  }

  #permitted(permit: Permit['upserts']): readonly EncodedResource[] {
    const { upserts } = this.pending
    if (permit === 'all') return this.#bisect.narrow(upserts)
    if (permit === 'none' || this.#bisect.searching) return []
    return upserts.filter(({ name }) => this.#held.get(name) === asked)
  }

  #compare(): Pending {
    const upserts: EncodedResource[] = []
    const absences: string[] = []
    const removals: string[] = []
    for (const name of this.#dirty) {
      this.#parked.delete(name)
      const need = this.wants(name) ? this.#needOf(name) : undefined
      if (need === undefined) this.#dirty.delete(name)
      else if (need === 'absence') absences.push(name)
      else if (need === 'removal') removals.push(name)
      else upserts.push(need)
    }
    // Up to date: what is held can be said by reference to the shared snapshot.
    if (this.#dirty.size === 0 && this.outstanding === undefined) {
      this.#held.rebase(this.#target.resources, this.#parked)
    }
    return { upserts, absences, removals }
  }

  #needOf(name: string): EncodedResource | 'absence' | 'removal' | undefined {
    const resource = this.#target.resources.get(name)
    const held = this.#held.get(name)
    const waits = held === asked && this.interest.names.has(name)
    if (resource === undefined) {
      if (held === absent) return undefined
      return waits ? 'absence' : 'removal'
    }
    if (held === resource.version) return undefined
    if (this.#memory.rejection(this.type, name)?.version !== resource.version) return resource
    this.#parked.add(name)
    return waits ? 'absence' : undefined
  }
}
