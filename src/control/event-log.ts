import { randomBytes } from 'node:crypto'
import type { FleetEvent } from '../model/fleet-event.ts'

/** An event and the id by which a client says how far it has read. */
export interface LoggedEvent {
  readonly id: string
  readonly event: FleetEvent
}

/** Reads the log from one place on. */
export interface EventReader {
  /** The next event; `lost` where those up to the oldest one that is kept are gone, once; nothing where there is none yet. */
  next(): LoggedEvent | 'lost' | undefined
}

/** The latest events of this process, in bounded number; how many read them makes no difference to it. */
export interface EventLog {
  append(event: FleetEvent): void
  /** The id of the newest event: whoever reads on after it misses nothing. */
  newest(): string
  /** Reads what comes after the event of that id; without one what comes from now on. Of another process all is lost. */
  reader(after?: string): EventReader
  /** Calls back when there is more to read, once for all that came in one tick, until the returned function is called. */
  follow(listener: () => void): () => void
}

/** Two events for each of 2,000 Envoys, four times over. */
const keptEvents = 16_384

export function createEventLog(kept: number = keptEvents): EventLog {
  const instance = randomBytes(6).toString('base64url')
  const ring: FleetEvent[] = []
  const followers = new Set<() => void>()
  let count = 0
  let isTelling = false

  const idOf = (number: number) => `${instance}.${number}`

  function tell(): void {
    isTelling = false
    for (const follower of [...followers]) follower()
  }

  /** How many events a client has read by the id of its last one; nothing where this log never gave that id. */
  function readBy(id: string): number | undefined {
    const number = Number(id.slice(instance.length + 1))
    return id === idOf(number) && number <= count ? number : undefined
  }

  return {
    append(event) {
      ring[count % kept] = event
      count++
      if (followers.size === 0 || isTelling) return
      isTelling = true
      setImmediate(tell)
    },
    newest: () => idOf(count),
    reader(after) {
      let read = after === undefined ? count : (readBy(after) ?? -1)
      return {
        next() {
          const oldest = Math.max(0, count - kept)
          if (read < oldest) {
            read = oldest
            return 'lost'
          }
          if (read === count) return undefined
          read++
          return { id: idOf(read), event: ring[(read - 1) % kept]! }
        },
      }
    },
    follow(listener) {
      followers.add(listener)
      return () => void followers.delete(listener)
    },
  }
}
