import type { EncodedResource } from '../envoy-api/encoded.ts'
import { Bisect } from './bisect.ts'
import type { Batch, Outstanding, Pending, Permit, Target } from './exchange.ts'
import { absent, asked, Held, type HeldVersion, uncertain } from './held.ts'
import { Interest } from './interest.ts'
import type { NodeMemory } from './memory.ts'
import { compare } from './pending.ts'
import { type Parked, Refused } from './refused.ts'

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
  readonly #refused: Refused
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
    this.#refused = new Refused(type, memory)
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
      this.#held.bring(name, version)
      if (!this.#target.resources.has(name)) this.interest.gone.add(name)
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
    this.#refused.restrict((name) => this.wants(name))
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

  /** Sends `name` once more, though the client refused this very version: what was in its way may be gone. */
  retry(name: string): void {
    if (this.#refused.retry(name)) this.#mark(name)
  }

  /** A refused version is to be sent again, or on its way. */
  get retrying(): boolean {
    const sent = this.outstanding?.upserts[0]
    return this.#refused.retrying || (sent !== undefined && this.#refused.isRejected(sent.name, sent.version))
  }

  /** Bytes of names and versions that this holds, by estimate. */
  get bytes(): number {
    return this.interest.bytes + this.#held.bytes
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
    for (const { name } of batch.upserts) {
      this.#dirty.delete(name)
      this.#refused.sent(name)
    }
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
    if (this.#dirty.size === 0 && this.#refused.names.size === 0) this.#inForce = answered.revision
  }

  /**
   * The client refused the outstanding response, of which it may have applied a part. The culprit is looked
   * for (`Bisect`); a version that is refused alone is parked: not sent again until it changes, or is retried.
   * Returns the parked name.
   */
  nack(error: string): string | undefined {
    const answered = this.#settle()
    if (answered === undefined) return undefined
    const [first, ...others] = answered.upserts
    if (first === undefined) {
      for (const name of answered.removed) this.#learn(name, absent)
      return undefined
    }
    for (const name of answered.removed) this.#doubtRemoval(name)
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
    for (const name of this.outstanding?.removed ?? []) this.#doubtRemoval(name)
  }

  /** Names whose newest version this client rejected, with its reasons. */
  parked(): Parked[] {
    this.#refresh()
    return this.#refused.list()
  }

  get hasParked(): boolean {
    this.#refresh()
    return this.#refused.names.size > 0
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
    // What was accepted may have been taken away meanwhile: then it is still to go.
    if (version === absent) this.interest.gone.delete(name)
    else this.#memory.accepted(this.type, name, version)
    if (!this.#askedAgain.has(name)) this.#memory.settle(this.type, name)
    this.#learn(name, version)
  }

  /** `version` is what the client was told, empty for a removal; whether it did as told is not known. */
  #doubt(name: string, version: string): void {
    this.#memory.doubt(this.type, name, version)
    this.#learn(name, uncertain)
  }

  /** Names that the client merely asked for, and that never were, must not fill the memory. */
  #doubtRemoval(name: string): void {
    if (this.interest.gone.has(name) || this.#memory.doubted(this.type, name)) this.#doubt(name, '')
    else this.#learn(name, uncertain)
  }

  #permitted(permit: Permit['upserts']): readonly EncodedResource[] {
    const { upserts } = this.pending
    if (permit === 'all') return this.#refused.order(upserts, (fresh) => this.#bisect.narrow(fresh))
    if (permit === 'none' || this.#bisect.searching) return []
    return this.#refused.order(upserts.filter(({ name }) => this.#held.get(name) === asked))
  }

  #refresh(): Pending {
    if (this.#pending !== undefined) return this.#pending
    this.#pending = compare({
      dirty: this.#dirty,
      interest: this.interest,
      held: this.#held,
      refused: this.#refused,
      resources: this.#target.resources,
    })
    // Up to date: what is held can be said by reference to the shared snapshot.
    if (this.#dirty.size === 0 && this.outstanding === undefined) {
      this.#held.rebase(this.#target.resources, this.#refused.names)
    }
    return this.#pending
  }
}
