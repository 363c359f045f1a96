import type { EncodedResource } from '../envoy-api/encoded.ts'
import { Bisect, mentions } from './bisect.ts'
import type { Batch, Opening, Outstanding, Pending, Permit, Target } from './exchange.ts'
import { GivenUp } from './given-up.ts'
import { meantVersion } from './growth.ts'
import { absent, asked, claimed, uncertain } from './held.ts'
import type { Holdings } from './holdings.ts'
import { Interest } from './interest.ts'
import { Lack } from './lack.ts'
import { Ledger } from './ledger.ts'
import type { NodeMemory } from './memory.ts'
import type { Comparison } from './pending.ts'
import { type Parked, Refused } from './refused.ts'
import { holdingsAfter, makeWhole } from './whole.ts'

export interface SubscriptionOptions {
  readonly type: string
  readonly target: Target
  readonly memory: NodeMemory
  /** False for a type that weir does not know: it has nothing to tell, so not even an empty answer. */
  readonly served: boolean
  /** Of this type a response holds everything (`Variant`). */
  readonly holdsAll: boolean
  /** Of this type the last accepted version takes the place of an absence (`Variant`). */
  readonly repeats: boolean
  readonly grows: boolean
  readonly claimsByType: boolean
  /** What it claims of this type it has, and waits for no word on it; else what is in doubt is told anew. */
  readonly claimsSurely: boolean
}

/**
 * The state of one resource type on one stream: what the client wants, what it has, and what is on its way.
 * Knows nothing of sockets, clocks or the wire format (xDS protocol, "ACK and NACK semantics" and "Wildcard").
 */
export class Subscription {
  readonly type: string
  readonly interest = new Interest()
  outstanding: Outstanding | undefined
  #target: Target
  readonly #options: SubscriptionOptions
  readonly #ledger: Ledger
  readonly #refused: Refused
  readonly #bisect = new Bisect()
  readonly #givenUp: GivenUp
  readonly #lack: Lack
  #owesAnswer = false
  #inForce: number | null = null

  constructor(options: SubscriptionOptions) {
    const { type, target, memory } = options
    this.type = type
    this.#options = options
    this.#target = target
    this.#ledger = new Ledger(type, memory, this.interest, () => this.#target.resources)
    this.#refused = new Refused(type, memory)
    this.#givenUp = new GivenUp(type, memory)
    this.#lack = new Lack(this.#ledger, this.#bisect, () => this.view())
  }

  /**
   * Starts from the first request of the type. A client that has nothing from an earlier stream is owed an answer, be
   * it empty. With `anew`, all is sent again whatever it brings.
   */
  open({ names, held, complete }: Opening, anew = false): void {
    const { memory } = this.#options
    this.subscribe(names)
    for (const [name, claim] of held) {
      if (!this.wants(name)) {
        // It gave this up, and the request that said so may be lost.
        if (this.#options.claimsByType) this.#givenUp.note(name)
        continue
      }
      this.#ledger.held.bring(name, memory.recent.known(name, claim))
      if (anew) this.#ledger.held.set(name, asked)
      if (!this.#target.resources.has(name)) this.interest.gone.add(name)
      this.#ledger.mark(name)
    }
    for (const [name, version] of memory.doubts(this.type)) {
      const told = held.has(name) && (version !== undefined || this.#options.claimsSurely)
      const waits = this.interest.names.has(name) && (anew || !told)
      if (claimed(held.get(name)) === version) memory.settle(this.type, name)
      else this.#ledger.learn(name, waits ? asked : uncertain)
    }
    if (complete) this.#owesAnswer = false
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
      if (!this.wants(name)) this.#ledger.held.set(name, absent)
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
        this.#ledger.held.restrict(this.interest.names)
      } else if (this.interest.remove(name, this.#target.resources)) {
        if (this.interest.wildcard) this.askAgain(name)
        else if (this.#options.claimsByType && this.#ledger.mayHave(name)) this.#givenUp.note(name)
      }
    }
    this.#refused.restrict((name) => this.wants(name))
    this.#ledger.stale = true
  }

  /** Sends what the target says of `name` once more, even if the client has it. */
  askAgain(name: string): void {
    if (this.wants(name)) this.#ledger.ask(name, this.outstanding !== undefined)
  }

  /** `askAgain`, because the client waits for it: even if the stream breaks first, and whatever it claims then. */
  follow(name: string): void {
    if (!this.interest.names.has(name)) return
    this.askAgain(name)
    this.#options.memory.doubt(this.type, name)
  }

  /** `changed` are the names in which the two targets differ. */
  retarget(target: Target, changed: Iterable<string>): void {
    this.#inForce = this.revision
    const before = this.#target.resources
    this.#target = target
    for (const name of changed) {
      this.interest.changed(name, before, target.resources)
      if (this.wants(name)) this.#ledger.mark(name)
    }
  }

  /** Sends `name` once more, though the client refused this very version: what was in its way may be gone. */
  retry(name: string): void {
    if (this.#refused.retry(name)) this.#ledger.mark(name)
  }

  /** A refused version is to be sent again, or on its way. */
  get retrying(): boolean {
    const sent = this.outstanding?.upserts[0]
    return (
      this.#refused.retrying ||
      (sent !== undefined && this.#refused.isRejected(sent.name, meantVersion(sent)))
    )
  }

  /** Bytes of names and versions that this holds, by estimate. */
  get bytes(): number {
    return this.interest.bytes + this.#ledger.held.bytes
  }

  get pending(): Pending {
    return this.#refresh()
  }

  /** What goes into the next response; undefined when nothing may go. Nothing changes until `sent`. */
  next(permit: Permit): Batch | undefined {
    if (this.outstanding !== undefined) return undefined
    const batch = this.#lack.batch(permit, this.#options.repeats)
    const answer = this.#owesAnswer && permit.upserts === 'all'
    const empty = batch.upserts.length + batch.removed.length + batch.restored.length === 0
    if (empty && !answer) return undefined
    return this.#options.holdsAll ? makeWhole(batch, this.view()) : batch
  }

  /** What the client has once it accepted `batch`. */
  after(batch: Batch): Holdings {
    return holdingsAfter(batch, this.view())
  }

  sent(nonce: string, batch: Batch): void {
    this.#ledger.sent([...batch.upserts.map(({ name }) => name), ...batch.removed])
    for (const { name } of batch.upserts) this.#refused.sent(name)
    if (this.#options.grows) for (const resource of batch.upserts) this.#options.memory.recent.note(resource)
    if (batch.upserts.length > 0) this.#bisect.sent()
    this.#owesAnswer = false
    this.#givenUp.sent()
    this.outstanding = { nonce, revision: this.#target.revision, ...batch }
  }

  /** The client accepted the outstanding response. */
  ack(): void {
    this.#accept(this.#settle())
  }

  #accept(answered: Outstanding | undefined): void {
    if (answered === undefined) return
    this.#givenUp.accepted((name) => this.wants(name))
    this.#ledger.accept(answered)
    if (this.#ledger.dirty.size + this.#refused.names.size === 0) this.#inForce = answered.revision
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
    // What stood in is refused as it was before, and the rest applied; Envoy says so by naming it.
    const blames = ({ name }: EncodedResource) => mentions(error, name)
    if (answered.standIns.some(blames) && !answered.upserts.some(blames)) {
      this.#accept(answered)
      return undefined
    }
    if (first === undefined) {
      for (const name of answered.removed) this.#ledger.learn(name, absent)
      for (const { name } of answered.restored) this.#ledger.learn(name, uncertain)
      return undefined
    }
    for (const name of answered.removed) this.#ledger.doubtRemoval(name)
    if (others.length === 0) {
      this.#options.memory.reject(this.type, first.name, { version: meantVersion(first), error })
      // Refused alone, so it has what it had before; unless that was in doubt already.
      if (this.#ledger.held.get(first.name) === asked) this.#ledger.learn(first.name, uncertain)
      else this.#ledger.mark(first.name)
      return first.name
    }
    for (const { name, version } of answered.upserts) this.#ledger.doubt(name, version)
    const names = answered.upserts.map(({ name }) => name)
    this.#bisect.split(names, error)
    return undefined
  }

  /** The stream is over; what was not answered may have been applied or not. */
  close(): void {
    if (this.outstanding !== undefined) this.#ledger.doubtAll(this.outstanding)
  }

  /** Names whose newest version this client rejected, with its reasons. */
  parked(): Parked[] {
    this.#refresh()
    return this.#refused.list()
  }

  get hasParked(): boolean {
    return this.parked().length > 0
  }

  /** True when the client has everything that the target has for it, parked versions apart. */
  get settled(): boolean {
    this.#refresh()
    return this.outstanding === undefined && this.#ledger.dirty.size === 0 && !this.#owesAnswer
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
    this.#ledger.held.restrict(this.interest.names)
    this.interest.wildcard = true
    this.#owesAnswer = this.#options.served
    for (const { name } of this.outstanding?.upserts ?? []) this.#ledger.askedAgain(name)
    for (const name of this.#target.resources.keys()) this.#ledger.mark(name)
  }

  #settle(): Outstanding | undefined {
    const answered = this.outstanding
    this.outstanding = undefined
    this.#ledger.stale = true
    return answered
  }

  view(): Comparison {
    return {
      dirty: this.#ledger.dirty,
      interest: this.interest,
      held: this.#ledger.held,
      refused: this.#refused,
      resources: this.#target.resources,
      grows: this.#options.grows,
    }
  }

  #refresh(): Pending {
    return this.#lack.pending(this.outstanding !== undefined)
  }
}
