import type { EncodedResource } from '../envoy-api/encoded.ts'
import { Bisect, mentions } from './bisect.ts'
import { takeClaims } from './claims.ts'
import type { Batch, Opening, Outstanding, Pending, Permit, SubscriptionOptions, Target } from './exchange.ts'
import { beginsWhole, FirstAnswer } from './first-answer.ts'
import { GivenUp } from './given-up.ts'
import { meantVersion } from './growth.ts'
import { absent } from './held.ts'
import type { Holdings } from './holdings.ts'
import { Interest } from './interest.ts'
import { Lack } from './lack.ts'
import { Ledger } from './ledger.ts'
import type { Comparison } from './pending.ts'
import { type Parked, Refused } from './refused.ts'
import { holdingsAfter, makeWhole } from './whole.ts'

/**
 * The state of one resource type on one stream: what the client wants, what it has, and what is on its way.
 * Knows nothing of sockets, clocks or the wire format (xDS protocol, "ACK and NACK semantics" and "Wildcard").
 */
export class Subscription {
  readonly type: string
  readonly accepted = (name: string, version: string) => this.#ledger.accepted(name, version)
  readonly interest = new Interest()
  outstanding: Outstanding | undefined
  #target: Target
  readonly #options: SubscriptionOptions
  readonly #ledger: Ledger
  readonly #refused: Refused
  readonly #bisect = new Bisect()
  readonly #givenUp: GivenUp
  readonly #lack: Lack
  /** While all names are alike; then nothing of what is noted by name counts. */
  #first: FirstAnswer | undefined
  #answered = false
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
  open(opening: Opening, anew = false): void {
    const { resources } = this.#target
    if (!(anew && opening.complete) && beginsWhole(opening, this.interest, resources, this.#options)) {
      if (opening.complete) this.#ledger.begin(resources, [])
      else this.#first = new FirstAnswer(!this.interest.wildcard)
      this.#owesAnswer = this.interest.wildcard && this.#options.served && !opening.complete
      return
    }
    this.subscribe(opening.names)
    const noting = { ledger: this.#ledger, interest: this.interest, givenUp: this.#givenUp, resources }
    takeClaims(opening, anew, { ...noting, ...this.#options })
    if (opening.complete) this.#owesAnswer = false
  }

  /** A name that is asked for again is sent again: the client may have dropped it meanwhile. */
  subscribe(names: Iterable<string>): void {
    for (const name of names) {
      this.#noteEach()
      if (name === '*') {
        this.#subscribeAll()
        continue
      }
      if (!this.interest.wants(name)) this.#ledger.held.set(name, absent)
      this.interest.add(name, this.#target.resources)
      this.askAgain(name)
    }
  }

  /** Under a wildcard, a name that is given up is answered once more, as the protocol asks. */
  unsubscribe(names: Iterable<string>): void {
    for (const name of names) {
      this.#noteEach()
      if (name === '*') {
        this.interest.wildcard = false
        this.#owesAnswer = false
        this.#ledger.held.restrict(this.interest.names)
      } else if (this.interest.remove(name, this.#target.resources)) {
        if (this.interest.wildcard) this.askAgain(name)
        else if (!this.#options.claimsByType) this.#options.memory.settle(this.type, name)
        else if (this.#ledger.mayHave(name)) this.#givenUp.note(name)
      }
    }
    this.#refused.restrict((name) => this.interest.wants(name))
    this.#ledger.stale = true
  }

  /** Sends what the target says of `name` once more, even if the client has it. */
  askAgain(name: string): void {
    this.#noteEach()
    if (this.interest.wants(name)) this.#ledger.ask(name, this.outstanding !== undefined)
  }

  /** `askAgain`, because the client waits for it: even if the stream breaks first, and whatever it claims then. */
  follow(name: string): void {
    if (!this.interest.names.has(name)) return
    // Who has nothing yet is going to get it anyway, and claims nothing before.
    if (this.#first !== undefined && this.#first.sent === undefined) return
    this.askAgain(name)
    this.#options.memory.doubt(this.type, name)
  }

  /** `changed` are the names in which the two targets differ. */
  retarget(target: Target, changed: Iterable<string>): void {
    this.#inForce = this.revision
    const before = this.#target.resources
    if (this.#first?.outlasts(changed, before, target.resources) === false) this.#noteEach()
    this.#target = target
    this.interest.retarget(before, target.resources, changed)
    for (const name of changed) {
      if (!this.interest.wants(name)) continue
      if (this.#first === undefined) this.#ledger.mark(name)
      else this.#first.note(name)
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

  /** What the client lacks; compared anew where something changed. */
  look(): Pending {
    return this.#first?.pending(this.#target.resources) ?? this.#lack.pending(this.outstanding !== undefined)
  }

  /** What goes into the next response; undefined when nothing may go. Nothing changes until `sent`. */
  next(permit: Permit): Batch | undefined {
    if (this.outstanding !== undefined) return undefined
    const batch =
      this.#first?.batch(this.#target.resources, permit) ??
      this.#lack.batch(permit, this.#options.saysAbsence)
    const answer = this.#owesAnswer && permit.upserts === 'all'
    const empty = batch.upserts.length + batch.removed.length + batch.restored.length === 0
    if (empty && !answer) return undefined
    return this.#options.holdsAll && this.#first === undefined ? makeWhole(batch, this.view()) : batch
  }

  /** What the client has once it accepted `batch`. */
  after(batch: Batch): Holdings {
    return holdingsAfter(batch, this.view())
  }

  sent(nonce: string, batch: Batch): void {
    if (this.#first === undefined) this.#noteSent(batch)
    else this.#first.goes(this.#target.resources)
    this.#owesAnswer = false
    this.#givenUp.sent()
    this.outstanding = { nonce, revision: this.#target.revision, ...batch }
  }

  #noteSent({ upserts, removed }: Batch): void {
    this.#ledger.sent([...upserts.map(({ name }) => name), ...removed])
    for (const { name } of upserts) this.#refused.sent(name)
    if (this.#options.grows) for (const resource of upserts) this.#options.memory.recent.note(resource)
    if (upserts.length > 0) this.#bisect.sent()
  }

  /** The client accepted the outstanding response. */
  ack(): void {
    this.#accept(this.#settle())
  }

  #accept(answered: Outstanding | undefined): void {
    if (answered === undefined) return
    this.#givenUp.accepted((name) => this.interest.wants(name))
    const first = this.#first
    this.#first = undefined
    if (first?.sent === undefined) this.#ledger.accept(answered)
    else this.#ledger.begin(first.sent, first.changed)
    for (const { name } of answered.upserts) if (this.#refused.names.has(name)) this.#ledger.mark(name)
    if (this.settled && !this.hasParked) this.#inForce = answered.revision
  }

  /**
   * The client refused the outstanding response, of which it may have applied a part. The culprit is looked
   * for (`Bisect`); a version that is refused alone is parked: not sent again until it changes, or is retried.
   * Returns the parked name.
   */
  nack(error: string): string | undefined {
    this.#noteEach()
    const answered = this.#settle()
    if (answered === undefined) return undefined
    const [first, ...others] = answered.upserts
    // What stood in is refused as it was before, and the rest applied; Envoy says so by naming it.
    const blames = ({ name }: EncodedResource) => mentions(error, name)
    if (answered.standIns.some(blames) && !answered.upserts.some(blames)) {
      this.#accept({ ...answered, standIns: [] })
      return undefined
    }
    if (first === undefined) return void this.#ledger.refuse(answered)
    if (others.length === 0) {
      if (this.#options.warms) this.#ledger.keep(first.name)
      this.#options.memory.reject(this.type, first.name, { version: meantVersion(first), error })
      this.#ledger.refuseAlone(first.name, answered)
      return first.name
    }
    this.#ledger.doubtAll(answered)
    const names = answered.upserts.map(({ name }) => name)
    this.#bisect.split(names, error)
    return undefined
  }

  /** The stream is over; what was not answered may have been applied or not. */
  close(): void {
    this.#noteEach()
    if (this.outstanding !== undefined) this.#ledger.doubtAll(this.outstanding)
  }

  /** Names whose newest version this client rejected, with its reasons. */
  parked(): readonly Parked[] {
    this.look()
    return this.#refused.list()
  }

  get hasParked(): boolean {
    return this.parked().length > 0
  }

  /** True when the client has everything that the target has for it, parked versions apart. */
  get settled(): boolean {
    this.look()
    const lacks = this.#first !== undefined || this.#ledger.dirty.size > 0
    return this.outstanding === undefined && !lacks && !this.#owesAnswer
  }

  /** True until the client has answered for the first time, where there is something to be told. */
  get begins(): boolean {
    return !this.#answered && !this.settled
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
    this.#answered ||= answered !== undefined
    this.outstanding = undefined
    this.#ledger.stale = true
    return answered
  }

  view(): Comparison {
    const { dirty, held } = this.#ledger
    const { grows, warms } = this.#options
    const { interest } = this
    return { dirty, held, interest, refused: this.#refused, resources: this.#target.resources, grows, warms }
  }

  /** From now on names are not alike any more. */
  #noteEach(): void {
    this.#first?.noteEach(this.#ledger, this.#target.resources)
    this.#first = undefined
  }
}
