import type { Connection } from './connection.ts'

/** Who goes where there is no place for another connection: whoever has been idle for longest. */
export class Idlers {
  /** Longest idle last; undefined until somebody asks. */
  #queue: Connection[] | undefined
  readonly #all: () => Iterable<Connection>

  constructor(all: () => Iterable<Connection>) {
    this.#all = all
  }

  /** Connections are looked at once between two calls, so that many who come cost one look. */
  forget(): void {
    this.#queue = undefined
  }

  /** Undefined where nobody is idle. */
  next(): Connection | undefined {
    this.#queue ??= [...this.#all()].filter(({ idle }) => idle).sort((a, b) => b.heardAt - a.heardAt)
    let found = this.#queue.pop()
    while (found !== undefined && !found.idle) found = this.#queue.pop()
    return found
  }
}
