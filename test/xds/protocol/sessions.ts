import { decode } from '../../../src/envoy-api/protos.ts'
import { type DeltaResponse, DeltaStream } from '../../../src/xds/delta.ts'
import { noteGrowing } from '../../../src/xds/growth.ts'
import { Memories, type Seat } from '../../../src/xds/memories.ts'
import { type Changes, changesBetween, type Snapshot } from '../../../src/xds/snapshot.ts'
import { type SotwResponse, SotwStream } from '../../../src/xds/sotw.ts'
import { Versions } from '../../../src/xds/versions.ts'
import { encodeDeltaResponse, encodeSotwResponse, type WireMessage } from '../../../src/xds/wire.ts'
import { handClock } from '../../support/hand-clock.ts'
import type { Client, Request, Said } from './client.ts'
import { noTexts, snapshotOf } from './content.ts'
import { saidBy } from './said.ts'
import type { Stream, Transport } from './transport.ts'

type Peer = Pick<Client, 'protocol' | 'id'>

/** Two replicas without sockets: whatever is asked for happens at once. */
export class Sessions implements Transport {
  readonly #clock = handClock()
  readonly now = this.#clock.now
  readonly #replicas = [new Replica(this.#clock), new Replica(this.#clock)]

  open(replica: number, peer: Peer, hear: (said: Said) => void): Stream {
    return new SessionStream(this.#replicas[replica]!, peer, hear)
  }

  async publish(replica: number, snapshot: Snapshot): Promise<void> {
    this.#replicas[replica]!.publish(snapshot)
  }

  async retry(replica: number): Promise<void> {
    for (const stream of this.#replicas[replica]!.streams) stream.retry()
  }

  async pass(ms: number): Promise<void> {
    this.#clock.pass(ms)
    for (const stream of this.#streams()) stream.serve()
  }

  nextRetry(): number | undefined {
    const times = this.#streams().map((stream) => stream.nextRetry())
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  async close(): Promise<void> {}

  #streams(): SessionStream[] {
    return this.#replicas.flatMap(({ streams }) => [...streams])
  }
}

class Replica {
  readonly now: () => number
  readonly memories: Memories
  readonly versions = new Versions()
  readonly streams = new Set<SessionStream>()
  snapshot: Snapshot = snapshotOf(1, noTexts())

  constructor(clock: ReturnType<typeof handClock>) {
    this.now = clock.now
    this.memories = new Memories(clock)
  }

  publish(snapshot: Snapshot): void {
    const before = this.snapshot
    this.snapshot = snapshot
    noteGrowing(this.memories.recent, before, snapshot)
    const changes = changesBetween(before, snapshot)
    for (const stream of this.streams) stream.retarget(snapshot, changes)
  }
}

let streams = 0

class SessionStream implements Stream {
  readonly #replica: Replica
  readonly #peer: Peer
  readonly #hear: (said: Said) => void
  #opened: { readonly ads: DeltaStream | SotwStream; readonly seat: Seat } | undefined

  constructor(replica: Replica, peer: Peer, hear: (said: Said) => void) {
    this.#replica = replica
    this.#peer = peer
    this.#hear = hear
  }

  async send(request: Request): Promise<void> {
    this.#opened ??= this.#open()
    const answer = this.#opened.ads.onRequest(request)
    if (answer.kind === 'violation') throw new Error(answer.message)
    this.serve()
  }

  delivery(): string {
    return this.#opened!.ads.session.delivery().state
  }

  async close(): Promise<void> {
    this.#opened?.ads.session.close()
    this.#opened?.seat.leave()
    this.#replica.streams.delete(this)
  }

  retarget(snapshot: Snapshot, changes: Changes): void {
    this.#opened!.ads.onSnapshot(snapshot, changes)
    this.serve()
  }

  retry(): void {
    this.#opened!.ads.session.retry()
    this.serve()
  }

  nextRetry(): number | undefined {
    return this.#opened!.ads.session.nextRetry()
  }

  /** Sends what may be sent now, retries whose time has come included. */
  serve(): void {
    const { session } = this.#opened!.ads
    this.#advance()
    while ((session.nextRetry() ?? Number.POSITIVE_INFINITY) <= this.#replica.now()) {
      session.retryDue(this.#replica.now())
      this.#advance()
    }
  }

  #open() {
    const { memories, snapshot, versions } = this.#replica
    const { protocol, id } = this.#peer
    const seat = memories.open({ gateway: 'edge', id, version: '1.40.0' })
    const prefix = `${++streams}.`
    const ads =
      protocol === 'delta'
        ? new DeltaStream(snapshot, seat.memory, prefix)
        : new SotwStream(snapshot, seat.memory, versions, prefix)
    seat.doubtUnanswered = () => ads.session.close()
    this.#replica.streams.add(this)
    return { ads, seat }
  }

  #advance(): void {
    for (const response of this.#opened!.ads.advance()) this.#hear(read(response))
  }
}

/** As it comes from the wire. */
function read(response: DeltaResponse | SotwResponse): Said {
  const { protocol, message, type } =
    'upserts' in response
      ? ({
          protocol: 'delta',
          message: encodeDeltaResponse(response),
          type: 'envoy.service.discovery.v3.DeltaDiscoveryResponse',
        } as const)
      : ({
          protocol: 'sotw',
          message: encodeSotwResponse(response),
          type: 'envoy.service.discovery.v3.DiscoveryResponse',
        } as const)
  return saidBy(protocol, decode(type, inBytes(message)))
}

function inBytes(message: WireMessage): Buffer {
  const bytes = Buffer.alloc(message.byteLength)
  message.copy(bytes)
  return bytes
}
