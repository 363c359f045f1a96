import { inspect } from 'node:util'

const redacted = '[redacted]'

/** A secret in clear. However it is printed, joined, logged or serialised, it says `[redacted]`. */
export class SecretText {
  readonly #clear: string

  constructor(clear: string) {
    this.#clear = clear
  }

  /** The one way to the clear text, for `secrets/` alone (`test/house` sees to that). */
  reveal(): string {
    return this.#clear
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  [Symbol.toPrimitive](): string {
    return redacted
  }

  [inspect.custom](): string {
    return redacted
  }
}
