import type { ShortType } from './content.ts'

/** A version that was refused alone, and when it may be sent again. */
export interface Parked {
  readonly text: string
  readonly attempts: number
  readonly retryAt: number
}

const firstRetryMs = 5_000
const lastRetryMs = 5 * 60_000
const rememberedMs = 60 * 60_000

function retryDelay(attempts: number): number {
  return Math.min(firstRetryMs * 2 ** (attempts - 1), lastRetryMs)
}

/** What one replica may remember of one client between its streams, as docs/architecture.md has it. */
export class Notes {
  /** What was sent and refused among others or never answered; whether the client has it nobody knows. */
  readonly #doubts = new Map<string, Set<string>>()
  readonly #parked = new Map<string, Parked>()
  /** Types that it refused when nobody knew what it had of them: who is to blame is not told (`StreamAudit.isStuck`). */
  readonly stuck = new Set<ShortType>()
  #leftAt: number | undefined

  doubt(short: ShortType, name: string, text: string): void {
    const key = `${short} ${name}`
    this.#doubts.set(key, new Set([...(this.#doubts.get(key) ?? []), text]))
  }

  /** With `text`, whether that is among what is in doubt. */
  doubted(short: ShortType, name: string, text?: string): boolean {
    const doubts = this.#doubts.get(`${short} ${name}`)
    return doubts !== undefined && (text === undefined || doubts.has(text))
  }

  /** Names of a type that are in doubt. */
  doubtedNames(short: ShortType): string[] {
    const prefix = `${short} `
    return [...this.#doubts.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length))
  }

  settle(short: ShortType, name: string): void {
    this.#doubts.delete(`${short} ${name}`)
  }

  /** The client says that it has this; if that alone was in doubt, it no longer is. */
  claim(short: ShortType, name: string, text: string): void {
    const doubts = this.#doubts.get(`${short} ${name}`)
    if (doubts?.size === 1 && doubts.has(text)) this.settle(short, name)
  }

  parked(short: ShortType, name: string): Parked | undefined {
    return this.#parked.get(`${short} ${name}`)
  }

  refuse(short: ShortType, name: string, text: string, now: number): void {
    const before = this.parked(short, name)
    const attempts = before?.text === text ? Math.max(1, before.attempts) : 1
    this.#park(short, name, { text, attempts, retryAt: now + retryDelay(attempts) })
  }

  /**
   * It is sent once more; that counts at once, for a client that dies of it gives no answer. What was given up may be sent
   * as if it were new, and be searched among others.
   */
  retried(short: ShortType, name: string, now: number): void {
    const { text, attempts } = this.parked(short, name)!
    if (attempts === 0) return
    this.#park(short, name, { text, attempts: attempts + 1, retryAt: now + retryDelay(attempts + 1) })
  }

  #park(short: ShortType, name: string, parked: Parked): void {
    this.#parked.set(`${short} ${name}`, parked)
  }

  /** What is parked may be sent at once; what nobody asks for at present counts as never refused. */
  retryAll(wanted: (short: ShortType, name: string) => boolean): void {
    for (const [key, parked] of this.#parked) {
      const [short, name] = key.split(' ') as [ShortType, string]
      if (wanted(short, name)) this.#parked.set(key, { ...parked, retryAt: 0 })
      else this.#parked.delete(key)
    }
  }

  /** What may be sent again, and is not asked for any more, may count as never refused. */
  giveUp(short: ShortType, name: string, now: number): void {
    const parked = this.parked(short, name)
    if (parked !== undefined && parked.retryAt <= now) this.#park(short, name, { ...parked, attempts: 0 })
  }

  accept(short: ShortType, name: string, text: string): void {
    if (this.parked(short, name)?.text === text) this.#parked.delete(`${short} ${name}`)
  }

  left(now: number): void {
    this.#leftAt = now
  }

  back(now: number): void {
    if (this.#leftAt === undefined || now - this.#leftAt < rememberedMs) return
    this.#doubts.clear()
    this.#parked.clear()
  }
}
