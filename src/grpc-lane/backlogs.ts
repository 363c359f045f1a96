/** A connection whose peer may not read. */
export interface SlowReader {
  /** Cuts it off, which sets what waits for it to 0. */
  cutSlow(): void
}

/**
 * Bytes that wait for peers which do not read or open no window, over all connections. Beyond the bound whoever has the most is
 * cut off.
 */
export class Backlogs {
  used = 0
  readonly #most: number
  /** Those for whom anything waits. */
  readonly #waiting = new Map<SlowReader, number>()

  constructor(most: number) {
    this.#most = most
  }

  set(reader: SlowReader, bytes: number): void {
    this.used += bytes - (this.#waiting.get(reader) ?? 0)
    if (bytes === 0) this.#waiting.delete(reader)
    else this.#waiting.set(reader, bytes)
    while (this.used > this.#most) this.#largest().cutSlow()
  }

  #largest(): SlowReader {
    let most = 0
    let largest: SlowReader | undefined
    for (const [reader, bytes] of this.#waiting) {
      if (bytes <= most) continue
      most = bytes
      largest = reader
    }
    return largest!
  }
}
