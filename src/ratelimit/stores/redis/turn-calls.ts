/** Items that one call of a script has at most: some 0.5 ms of the store's one thread. */
const mostInCall = 64

/**
 * Calls to the store, one for all that a slot is asked in one turn of the loop. `call` settles all of its items, and never
 * rejects; `together` makes the calls of a turn.
 */
export class TurnCalls<Item> {
  readonly #call: (items: readonly Item[]) => Promise<void>
  readonly #together: (calls: () => void) => void
  #waiting = new Map<number, Item[]>()

  constructor(
    call: (items: readonly Item[]) => Promise<void>,
    together: (calls: () => void) => void = (calls) => calls(),
  ) {
    this.#call = call
    this.#together = together
  }

  add(slot: number, item: Item): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#flush())
    const items = this.#waiting.get(slot)
    if (items === undefined) this.#waiting.set(slot, [item])
    else items.push(item)
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    this.#together(() => {
      for (const items of waiting.values()) {
        for (let from = 0; from < items.length; from += mostInCall)
          void this.#call(items.slice(from, from + mostInCall))
      }
    })
  }
}
