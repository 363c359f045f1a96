/** A number of bytes or of things that may be in use, over a connection or over all of them. */
export class Budget {
  used = 0
  readonly most: number
  readonly #parent: Budget | undefined

  constructor(most: number, parent?: Budget) {
    this.most = most
    this.#parent = parent
  }

  /** False where there is not so much left, here or in the parent; nothing is taken then. */
  take(amount: number): boolean {
    if (this.used + amount > this.most) return false
    if (this.#parent !== undefined && !this.#parent.take(amount)) return false
    this.used += amount
    return true
  }

  giveBack(amount: number): void {
    this.used -= amount
    this.#parent?.giveBack(amount)
  }
}
