import { changedRows, emptyState, type State } from '../model/state.ts'
import { areSame } from './remembered.ts'

/** A row that was read, `Kind/name`; `Kind/` stands for all of a kind. */
type Row = string

interface Part {
  readonly from: readonly unknown[]
  readonly made: unknown
  readonly reads: ReadonlySet<Row>
}

/**
 * Parts of a result that is made again and again of states that differ in few rows. Which rows a part was made of is
 * noted while it is made, so that a change of a row makes those parts anew that have read it, and no others.
 */
export class Parts {
  readonly #known = new Map<string, Part>()
  /** Names of the parts that have read a row. */
  readonly #readers = new Map<Row, Set<string>>()
  readonly #stale = new Set<string>()
  readonly #kept = new Map<string, readonly string[]>()
  #state: State = emptyState

  /** From now on parts are those of this state. */
  turnTo(state: State): void {
    for (const { kind, name } of changedRows(this.#state, state)) {
      for (const row of [`${kind}/${name}`, `${kind}/`]) {
        for (const reader of this.#readers.get(row) ?? []) this.#stale.add(reader)
      }
    }
    this.#state = state
  }

  /**
   * What `make` gives, of this state and of nothing else but `from`: that of last time, unless a row that it has read or
   * one of `from` is another by now. Where it is made anew and `isSame` as before, it is the former one.
   */
  of<T>(
    name: string,
    from: readonly unknown[],
    make: (state: State) => T,
    isSame: (a: T, b: T) => boolean = () => false,
  ): T {
    const known = this.#known.get(name)
    if (known !== undefined && !this.#stale.has(name) && areSame(known.from, from)) return known.made as T
    const reads = new Set<Row>()
    const fresh = make({
      ...this.#state,
      noted: (kind, row = '') => reads.add(`${kind}/${row}`),
    })
    const made = known !== undefined && isSame(known.made as T, fresh) ? known.made : fresh
    this.#drop(name)
    this.#known.set(name, { from, made, reads })
    for (const row of reads) {
      const readers = this.#readers.get(row) ?? new Set()
      this.#readers.set(row, readers.add(name))
    }
    return made as T
  }

  /** Names below `prefix` of parts that have read what is another by now. */
  staleBelow(prefix: string): string[] {
    return [...this.#stale].flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))
  }

  /** Below `prefix` there are these parts, and no others any more. */
  keep(prefix: string, names: readonly string[]): void {
    const before = this.#kept.get(prefix)
    if (before === names) return
    const kept = new Set(names)
    for (const name of before ?? []) if (!kept.has(name)) this.#drop(prefix + name)
    this.#kept.set(prefix, names)
  }

  #drop(name: string): void {
    for (const row of this.#known.get(name)?.reads ?? []) {
      const readers = this.#readers.get(row)
      readers?.delete(name)
      if (readers?.size === 0) this.#readers.delete(row)
    }
    this.#known.delete(name)
    this.#stale.delete(name)
  }

  /** All of it is to be made anew. */
  forget(): void {
    this.#known.clear()
    this.#readers.clear()
    this.#stale.clear()
    this.#kept.clear()
  }
}
