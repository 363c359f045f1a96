import type { EncodedResource } from '../envoy-api/encoded.ts'
import type { Batch, Opening, Pending, Permit, SubscriptionOptions } from './exchange.ts'
import { asked, claimed, type Held } from './held.ts'
import type { Interest } from './interest.ts'
import { listOf, type ResourcesByName } from './snapshot.ts'

/**
 * The first response of a type to a client that has nothing of it and wants all that there is. What would be noted of
 * each name is the same for all names, so that nothing is noted of any: a fleet that joins costs one list, which all
 * share. As soon as something is said of a single name, the subscription notes all of them (`Subscription`).
 */
export class FirstAnswer {
  /** By names, and not by the wildcard: it waits for each. */
  readonly named: boolean
  #sent: ResourcesByName | undefined
  readonly #changed = new Set<string>()

  constructor(named: boolean) {
    this.named = named
  }

  /** What is on its way; undefined while that is nothing. */
  get sent(): ResourcesByName | undefined {
    return this.#sent
  }

  /** Names that changed since it was sent. */
  get changed(): ReadonlySet<string> {
    return this.#changed
  }

  /** What the client lacks of these, or will lack when it has accepted what is on its way. */
  pending(resources: ResourcesByName): Pending {
    const upserts: EncodedResource[] = []
    const absences: string[] = []
    for (const name of this.#changed) {
      const resource = resources.get(name)
      if (resource !== undefined) upserts.push(resource)
      else if (this.named) absences.push(name)
    }
    return {
      upserts: this.#sent === undefined ? listOf(resources) : upserts,
      shrinks: [],
      absences,
      removals: [],
    }
  }

  /** All of it, where it may go. */
  batch(resources: ResourcesByName, { upserts: permitted }: Permit): Batch {
    const goes = permitted === 'all' || (permitted === 'waiting' && this.named)
    const upserts = goes ? listOf(resources) : []
    return { upserts, removed: [], absences: [], restored: [], standIns: [] }
  }

  goes(resources: ResourcesByName): void {
    this.#sent = resources
  }

  /** Whether names can change to be those of `after` while it goes on being all that is wanted. */
  outlasts(changed: Iterable<string>, before: ResourcesByName, after: ResourcesByName): boolean {
    if (this.#sent !== undefined) return true
    for (const name of changed) if (!before.has(name) || !after.has(name)) return false
    return true
  }

  /** The resource is another than the one that is on its way. */
  note(name: string): void {
    if (this.#sent !== undefined) this.#changed.add(name)
  }

  /** Notes of each name what was true of all of them; `resources` are all that is wanted while nothing was sent. */
  noteEach(ledger: Noting, resources: ResourcesByName): void {
    for (const name of (this.#sent ?? resources).keys()) {
      if (this.named) ledger.held.set(name, asked)
      if (this.#sent === undefined) ledger.mark(name)
    }
    for (const name of this.#changed) ledger.mark(name)
  }
}

/** Of a `Ledger`, what is noted by name. */
interface Noting {
  readonly held: Held
  mark(name: string): void
}

/**
 * For a client that wants all that there is and nothing besides, and that has all of it or nothing: notes in `interest`
 * what it wants. For any other client does nothing, and answers so.
 */
export function beginsWhole(
  opening: Opening,
  interest: Interest,
  resources: ResourcesByName,
  { memory, grows }: Pick<SubscriptionOptions, 'memory' | 'grows'>,
): boolean {
  const { names } = opening
  if (grows || !memory.blank || !hasAllOrNone(opening, resources)) return false
  const wildcard = names.length === 1 && names[0] === '*'
  if (wildcard) interest.wildcard = true
  return wildcard || interest.addAll(names, resources)
}

function hasAllOrNone({ held, complete }: Opening, resources: ResourcesByName): boolean {
  if (resources.size === 0) return false
  if (!complete) return held.size === 0
  if (held.size !== resources.size) return false
  for (const [name, claim] of held) if (resources.get(name)?.version !== claimed(claim)) return false
  return true
}
