import { type Bounds, defaultBounds } from '../../src/grpc-lane/bounds.ts'
import { Connection } from '../../src/grpc-lane/connection.ts'
import type { Method } from '../../src/grpc-lane/method.ts'
import { createShared, type Shared } from '../../src/grpc-lane/shared.ts'
import type { Event } from '../../src/observe.ts'
import { preface, Reading, settings } from './wire.ts'

/** Answers with the message that came. */
export const echo: Method = (message) => message

export const echoing: ReadonlyMap<string, Method> = new Map([['/test.Lane/Echo', echo]])

export interface PlainLane extends Shared {
  /** All but refusals of streams, which are in `refused` by their rules. */
  readonly events: Event[]
  readonly refused: string[]
}

/** What connections of a lane share, with other numbers. */
export function plainLane(methods = echoing, bounds: Partial<Bounds> = {}): PlainLane {
  const events: Event[] = []
  const refused: string[] = []
  const shared = createShared(methods, { ...defaultBounds, ...bounds }, (event) => {
    if (event.event === 'lane_refused') refused.push(event.rule)
    else events.push(event)
  })
  return { ...shared, events, refused }
}

/** A peer that feeds a connection by plain calls and reads what it answers, without a socket. */
export class PlainPeer {
  now = 0
  readonly lane: PlainLane
  readonly connection: Connection
  /** Answers that were written since the last call, each write one entry. */
  readonly #reading = new Reading()
  #words: string[] = []
  writes = 0
  /** Bytes that the socket would still have to send. */
  waiting = 0
  /** Set while the end of the loop's turn is awaited. */
  laterAsked = false

  constructor(lane: PlainLane = plainLane()) {
    this.lane = lane
    this.connection = new Connection(
      lane,
      {
        peer: 'plain',
        send: (bytes) => {
          this.writes++
          this.#words.push(...this.#reading.read(bytes))
        },
        waiting: () => this.waiting,
        end: (cut) => this.#words.push(cut ? 'cut' : 'end'),
        destroy: () => this.#words.push('destroy'),
        later: () => {
          this.laterAsked = true
        },
      },
      0,
    )
  }

  /** With the preface and the settings behind it. */
  static settled(lane?: PlainLane, values: Record<number, number> = {}): PlainPeer {
    const peer = new PlainPeer(lane)
    peer.send(preface, settings(values), Buffer.from('000000040100000000', 'hex'))
    return peer
  }

  /** Sends frames in one piece, and says what came back. */
  send(...frames: Buffer[]): string[] {
    this.connection.receive(Buffer.concat(frames), this.now)
    return this.heard()
  }

  /** What was answered since this was last asked. */
  heard(): string[] {
    return this.#words.splice(0)
  }

  /** The end of the loop's turn. */
  endTurn(): string[] {
    if (this.laterAsked) {
      this.laterAsked = false
      this.connection.answerSettled()
    }
    return this.heard()
  }

  /** Lets time pass. */
  wait(ms: number): string[] {
    this.now += ms
    this.connection.tick(this.now)
    return this.heard()
  }
}
