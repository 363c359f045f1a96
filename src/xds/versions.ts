import { bounds } from './bounds.ts'
import { type Claim, uncertain } from './held.ts'
import type { Holdings } from './holdings.ts'
import type { Interest } from './interest.ts'

interface Entry {
  readonly holdings: Holdings
  readonly bytes: number
}

/**
 * What was meant by versions that went out lately, in state-of-the-world responses. A client that comes back claims
 * one for all that it has of a type; where that is not the newest, this tells what it has, so that the rest can be
 * told in the right order. Versions are hashes of content, so it does not matter whose they were. The oldest give way.
 */
export class Versions {
  /** By type and version, with a space between. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  /** Only for a client that wants everything: else the version does not tell which names it stands for. */
  put(type: string, version: string, holdings: Holdings, interest: Interest): void {
    if (!interest.covers(holdings.base)) return
    const key = `${type} ${version}`
    this.#drop(key)
    const { base, exceptions } = holdings
    const bytes =
      bounds.memoryNodeBytes + base.size * bounds.bytesPerBaseEntry + exceptions.size * bounds.bytesPerName
    this.#entries.set(key, { holdings, bytes })
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= bounds.versionsBytes) return
      this.#drop(oldest)
    }
  }

  get(type: string, version: string): Map<string, Claim> | undefined {
    const holdings = this.#entries.get(`${type} ${version}`)?.holdings
    if (holdings === undefined) return undefined
    const claims = new Map<string, Claim>()
    for (const [name, resource] of holdings.base) claims.set(name, resource)
    for (const [name, last] of holdings.exceptions) {
      if (last === undefined) claims.set(name, uncertain)
      else if (typeof last === 'object') claims.set(name, last)
      else claims.delete(name)
    }
    return claims
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }
}
