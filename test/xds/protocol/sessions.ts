import { decode } from '../../../src/envoy-api/protos.ts'
import type { DeltaResponse } from '../../../src/xds/delta.ts'
import { DeltaStream } from '../../../src/xds/delta.ts'
import { noteGrowing } from '../../../src/xds/growth.ts'
import { Memories, type Seat } from '../../../src/xds/memories.ts'
import { changesBetween, type Snapshot } from '../../../src/xds/snapshot.ts'
import { type SotwResponse, SotwStream } from '../../../src/xds/sotw.ts'
import { Versions } from '../../../src/xds/versions.ts'
import { encodeDeltaResponse, encodeSotwResponse, type WireMessage } from '../../../src/xds/wire.ts'
import { type Meanings, type ReplicaView, StreamAudit } from './audit.ts'
import type { Client, Said } from './client.ts'
import { contentOf, noTexts, shortOf, snapshotOf, type Texts } from './content.ts'
import { Notes } from './notes.ts'

/** A clock that goes on when it is told to. */
export class FakeClock {
  time = 0
  readonly now = () => this.time
  readonly random = () => 0.5
}

/** A replica of the control plane without sockets. */
export class SessionReplica implements ReplicaView {
  readonly now: () => number
  readonly heard = new Set<string>()
  readonly memories: Memories
  readonly versions = new Versions()
  readonly notes = new Map<string, Notes>()
  readonly links = new Set<SessionLink>()
  snapshot: Snapshot = snapshotOf(1, noTexts())
  #texts: Texts = noTexts()

  constructor(clock: FakeClock) {
    this.now = clock.now
    this.memories = new Memories(clock)
  }

  readonly texts = () => this.#texts

  publish(revision: number, texts: Texts): void {
    const before = this.snapshot
    this.#texts = texts
    this.snapshot = snapshotOf(revision, texts)
    noteGrowing(this.memories.recent, before, this.snapshot)
    for (const text of texts.extension.values()) this.heard.add(`extension ${text}`)
    const changes = changesBetween(before, this.snapshot)
    for (const link of this.links) link.retarget(this.snapshot, changes)
  }

  notesOf(id: string): Notes {
    const notes = this.notes.get(id) ?? new Notes()
    this.notes.set(id, notes)
    return notes
  }
}

let streams = 0

/** A client's stream to a replica. Both sides only go on when they are told to. */
export class SessionLink {
  readonly #client: Client
  readonly #replica: SessionReplica
  readonly #seat: Seat
  readonly #stream: DeltaStream | SotwStream
  readonly #audit: StreamAudit

  constructor(client: Client, replica: SessionReplica, meanings: Meanings) {
    this.#client = client
    this.#replica = replica
    const { protocol, id } = client
    this.#seat = replica.memories.open({ gateway: 'edge', id, version: '1.40.0' })
    const prefix = `${++streams}.`
    const { snapshot, versions } = replica
    this.#stream =
      protocol === 'delta'
        ? new DeltaStream(snapshot, this.#seat.memory, prefix)
        : new SotwStream(snapshot, this.#seat.memory, versions, prefix)
    this.#seat.doubtUnanswered = () => this.#stream.session.close()
    this.#audit = new StreamAudit({ protocol, replica, notes: replica.notesOf(id), meanings })
    client.isStuck = (short) => this.#audit.isStuck(short)
    client.cameBlind = (short) => this.#audit.cameBlind(short)
    replica.links.add(this)
    client.connect()
  }

  get session() {
    return this.#stream.session
  }

  get problems(): readonly string[] {
    return this.#audit.problems
  }

  /** The server reads the next request; returns false when there is none. */
  transmit(): boolean {
    const request = this.#client.outbox.shift()
    if (request === undefined) return false
    this.#audit.request(request)
    const answer = this.#stream.onRequest(request)
    if (answer.kind === 'violation') throw new Error(answer.message)
    this.serve()
    return true
  }

  retarget(snapshot: Snapshot, changes: ReturnType<typeof changesBetween>): void {
    this.#audit.published()
    this.#stream.onSnapshot(snapshot, changes)
    this.serve()
  }

  retry(): void {
    this.#audit.retry()
    this.#stream.session.retry()
    this.serve()
  }

  /** Sends what may be sent now, retries whose time has come included. */
  serve(): void {
    const { session } = this.#stream
    this.#advance()
    while ((session.nextRetry() ?? Number.POSITIVE_INFINITY) <= this.#replica.now()) {
      session.retryDue(this.#replica.now())
      this.#advance()
    }
  }

  close(): void {
    this.#stream.session.close()
    this.#seat.leave()
    this.#replica.links.delete(this)
    this.#audit.close()
  }

  #advance(): void {
    for (const response of this.#stream.advance()) {
      const said = 'upserts' in response ? readDelta(response) : readSotw(response)
      this.#audit.response(said)
      this.#client.inbox.push(said)
    }
  }
}

interface WireResource {
  readonly name?: string
  readonly version?: string
  readonly resource?: WireAny
}

interface WireAny {
  readonly type_url: string
  readonly value: Buffer
}

function inBytes(message: WireMessage): Buffer {
  const bytes = Buffer.alloc(message.byteLength)
  message.copy(bytes)
  return bytes
}

function readDelta(response: DeltaResponse): Said {
  const wire = decode(
    'envoy.service.discovery.v3.DeltaDiscoveryResponse',
    inBytes(encodeDeltaResponse(response)),
  )
  return saidByDelta(wire)
}

export function saidByDelta(wire: Record<string, unknown>): Said {
  const short = shortOf.get(String(wire.type_url))!
  const resources = ((wire.resources ?? []) as WireResource[]).map(
    ({ name = '', version = '', resource }) => {
      const content = contentOf(short, resource!.value)
      if (content.name !== name) throw new Error(`${content.name} came as ${name}`)
      return { name, version, text: content.text }
    },
  )
  const removed = (wire.removed_resources ?? []) as string[]
  return { short, nonce: String(wire.nonce), version: '', resources, removed }
}

function readSotw(response: SotwResponse): Said {
  return saidBySotw(
    decode('envoy.service.discovery.v3.DiscoveryResponse', inBytes(encodeSotwResponse(response))),
  )
}

export function saidBySotw(wire: Record<string, unknown>): Said {
  const short = shortOf.get(String(wire.type_url))!
  const resources = ((wire.resources ?? []) as WireAny[]).map(({ value }) => {
    return { ...contentOf(short, value), version: '' }
  })
  return { short, nonce: String(wire.nonce), version: String(wire.version_info), resources, removed: [] }
}
