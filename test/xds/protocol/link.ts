import { type Meanings, type ReplicaView, StreamAudit } from './audit.ts'
import type { Client } from './client.ts'
import { noTexts, type Texts } from './content.ts'
import { Notes } from './notes.ts'
import type { Stream, Transport } from './transport.ts'

/** What the audits know of a replica. */
export class AuditedReplica implements ReplicaView {
  readonly now: () => number
  readonly heard = new Set<string>()
  readonly #notes = new Map<string, Notes>()
  #texts: Texts = noTexts()

  constructor(now: () => number) {
    this.now = now
  }

  readonly texts = () => this.#texts

  publish(texts: Texts): void {
    this.#texts = texts
    for (const text of texts.extension.values()) this.heard.add(`extension ${text}`)
  }

  notesOf(id: string): Notes {
    const notes = this.#notes.get(id) ?? new Notes()
    this.#notes.set(id, notes)
    return notes
  }
}

/** A client's stream to a replica, and who listens to it. Both sides only go on when they are told to. */
export class Link {
  /** The replica's place among those of the transport. */
  readonly place: number
  readonly #client: Client
  readonly #audit: StreamAudit
  readonly #stream: Stream

  constructor(
    transport: Transport,
    place: number,
    replica: AuditedReplica,
    client: Client,
    meanings: Meanings,
  ) {
    this.place = place
    this.#client = client
    const { protocol, id } = client
    const audit = new StreamAudit({ protocol, replica, notes: replica.notesOf(id), meanings })
    this.#audit = audit
    this.#stream = transport.open(place, client, (said) => {
      audit.response(said)
      client.inbox.push(said)
    })
    client.isStuck = (short) => audit.isStuck(short)
    client.cameBlind = (short) => audit.cameBlind(short)
    client.connect()
  }

  get problems(): readonly string[] {
    return this.#audit.problems
  }

  /** The server reads the next request; answers false when there is none. */
  async transmit(): Promise<boolean> {
    const request = this.#client.outbox.shift()
    if (request === undefined) return false
    this.#audit.request(request)
    await this.#stream.send(request)
    return true
  }

  published(): void {
    this.#audit.published()
  }

  retry(): void {
    this.#audit.retry()
  }

  delivery(): string {
    return this.#stream.delivery()
  }

  async close(): Promise<void> {
    await this.#stream.close()
    this.#audit.close()
  }
}
