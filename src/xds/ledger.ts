import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { Batch } from './exchange.ts'
import { meantVersion } from './growth.ts'
import { absent, asked, Held, uncertain } from './held.ts'
import type { Interest } from './interest.ts'
import type { NodeMemory } from './memory.ts'
import type { ResourcesByName } from './snapshot.ts'

/** What is known of what one client has of one type, and in which names that may differ from what it is to have. */
export class Ledger {
  readonly held = new Held()
  /** Names whose held version may differ from the target; every other wanted name is known to be equal. */
  readonly dirty = new Set<string>()
  /** Something changed since the names were compared. */
  stale = true
  readonly #type: string
  readonly #memory: NodeMemory
  readonly #interest: Interest
  readonly #resources: () => ResourcesByName
  /** Names of the outstanding response that were asked for again after it was sent. */
  readonly #askedAgain = new Set<string>()

  /** `resources` are those that the client is to have, as of now. */
  constructor(type: string, memory: NodeMemory, interest: Interest, resources: () => ResourcesByName) {
    this.#type = type
    this.#memory = memory
    this.#interest = interest
    this.#resources = resources
  }

  /** The client has all of these, which differ from what it is to have in `changed` at most. */
  begin(resources: ResourcesByName, changed: Iterable<string>): void {
    this.held.rebase(resources, [])
    for (const name of changed) this.dirty.add(name)
    this.stale = true
  }

  mark(name: string): void {
    this.dirty.add(name)
    this.stale = true
  }

  /** A response goes out: what was asked for until now is answered by it. */
  sent(names: Iterable<string>): void {
    for (const name of names) this.dirty.delete(name)
    this.#askedAgain.clear()
    this.stale = true
  }

  /** The client asks for it, perhaps once more: whatever the response on its way does, it waits for another. */
  ask(name: string, onTheWay: boolean): void {
    this.held.set(name, asked)
    this.mark(name)
    if (onTheWay) this.askedAgain(name)
  }

  askedAgain(name: string): void {
    this.#askedAgain.add(name)
  }

  learn(name: string, state: Parameters<Held['set']>[1]): void {
    if (!this.#interest.wants(name) || this.#askedAgain.has(name)) return
    this.held.set(name, state)
    if (this.#resources().get(name)?.version !== this.held.get(name)) this.mark(name)
  }

  /** Whether the client accepted this version last. */
  accepted(name: string, version: string): boolean {
    if (!this.#interest.wants(name)) return false
    const last = this.held.last(name)
    return typeof last === 'object' ? last.version === version : this.held.get(name) === version
  }

  /** Whether the client has this, or could have got it meanwhile. */
  mayHave(name: string): boolean {
    return this.#resources().has(name) || typeof this.held.last(name) === 'object'
  }

  /** The client refused a newer version: it goes on with this one, and may claim it when it comes back. */
  keep(name: string): void {
    const last = this.held.last(name)
    if (typeof last === 'object') this.#memory.recent.note(last)
  }

  /** The client accepted all of it. */
  accept({ upserts, restored, standIns, removed }: Batch): void {
    for (const resource of [...upserts, ...restored, ...standIns]) this.confirm(resource.name, resource)
    for (const name of removed) this.confirm(name, absent)
    // Refused before, and accepted now.
    for (const { name } of standIns) this.mark(name)
  }

  /** The client refused a response in which nothing was new. */
  refuse({ removed, restored }: Batch): void {
    for (const name of removed) this.learn(name, absent)
    for (const { name } of restored) this.learn(name, uncertain)
  }

  /** The client refused this, the only one that was new: it has what it had before, unless that was in doubt already. */
  refuseAlone(name: string, { removed }: Batch): void {
    for (const each of removed) this.doubtRemoval(each)
    if (this.held.get(name) === asked) this.learn(name, uncertain)
    else this.mark(name)
  }

  /** Nobody knows which of it the client accepted. What was restored was in doubt before. */
  doubtAll({ upserts, removed }: Batch): void {
    for (const { name, version } of upserts) this.doubt(name, version)
    for (const name of removed) this.doubtRemoval(name)
  }

  confirm(name: string, state: EncodedResource | typeof absent): void {
    // What was accepted may have been taken away meanwhile: then it is still to go.
    if (state === absent) this.#interest.gone.delete(name)
    else this.#memory.accepted(this.#type, name, meantVersion(state))
    if (!this.#askedAgain.has(name)) this.#memory.settle(this.#type, name)
    this.learn(name, state)
  }

  /** `version` is what the client was told, empty for a removal; whether it did as told is not known. */
  doubt(name: string, version: string): void {
    this.#memory.doubt(this.#type, name, version)
    this.learn(name, uncertain)
  }

  /** Names that the client merely asked for, and that never were, must not fill the memory. */
  doubtRemoval(name: string): void {
    if (this.#interest.gone.has(name) || this.#memory.doubted(this.#type, name)) this.doubt(name, '')
    else this.learn(name, uncertain)
  }
}
