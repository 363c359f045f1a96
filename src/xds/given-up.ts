import type { NodeMemory } from './memory.ts'

/**
 * Names that a client had and gave up, where it claims versions by type: if it wants one again and the stream breaks,
 * its claim looks as if it still had it. That is so until it accepts a response that was made without the name.
 */
export class GivenUp {
  readonly #type: string
  readonly #memory: NodeMemory
  #names = new Set<string>()
  #beforeSent = new Set<string>()

  constructor(type: string, memory: NodeMemory) {
    this.#type = type
    this.#memory = memory
  }

  note(name: string): void {
    this.#names.add(name)
    this.#memory.doubt(this.#type, name)
  }

  sent(): void {
    this.#beforeSent = new Set([...this.#beforeSent, ...this.#names])
    this.#names = new Set()
  }

  /** The response that was sent last was accepted. */
  accepted(wants: (name: string) => boolean): void {
    for (const name of this.#beforeSent) if (!wants(name)) this.#memory.settle(this.#type, name)
    this.#beforeSent = new Set()
  }
}
