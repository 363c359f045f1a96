import { bounds } from './bounds.ts'
import type { RetryClock } from './retry.ts'
import type { WireMessage } from './wire.ts'

/** What is noted of the messages to one client. */
export interface OutletEvents {
  /** All that was sent is taken. */
  taken(): void
  /** For `bounds.unreadMs` nothing was. */
  stuck(): void
}

/**
 * The messages to one client that its connection has not taken yet. While there are any, nothing new is made for it, so
 * that a slow client costs the memory of one state, and gets the newest one when it reads on.
 */
export class Outlet {
  readonly #write: (message: WireMessage, taken: () => void) => void
  readonly #clock: Pick<RetryClock, 'timer'>
  readonly #events: OutletEvents
  #messages = 0
  #bytes = 0
  #cancelTimer = () => {}

  constructor(
    write: (message: WireMessage, taken: () => void) => void,
    clock: Pick<RetryClock, 'timer'>,
    events: OutletEvents,
  ) {
    this.#write = write
    this.#clock = clock
    this.#events = events
  }

  get isFree(): boolean {
    return this.#messages === 0
  }

  /** Of all that is not taken yet. */
  get bytes(): number {
    return this.#bytes
  }

  send(message: WireMessage): void {
    const { byteLength: length } = message
    if (this.isFree) this.#expectReading()
    this.#messages++
    this.#bytes += length
    this.#write(message, () => this.#taken(length))
  }

  close(): void {
    this.#cancelTimer()
  }

  #taken(length: number): void {
    this.#messages--
    this.#bytes -= length
    this.#cancelTimer()
    if (this.isFree) this.#events.taken()
    else this.#expectReading()
  }

  #expectReading(): void {
    this.#cancelTimer = this.#clock.timer(bounds.unreadMs, this.#events.stuck)
  }
}
