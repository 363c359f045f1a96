import { EventEmitter, once } from 'node:events'
import type { Event } from '../../../src/observe.ts'

/** What a server tells of its streams, for who awaits it. */
export class Happened {
  readonly #events = new EventEmitter()

  readonly tell = (event: Event): void => {
    if (event.event === 'xds_ack') this.#events.emit(`ack ${event.node} ${event.type}`)
    else if (event.event === 'xds_disconnected') this.#events.emit(`left ${event.node}`)
  }

  /** The server has read that the client of this id accepts the next response of a type, by its short name. */
  async ack(id: string, type: string): Promise<void> {
    await once(this.#events, `ack ${id} ${type}`)
  }

  /** It has noticed that the client of this id has gone. */
  async left(id: string): Promise<void> {
    await once(this.#events, `left ${id}`)
  }
}
