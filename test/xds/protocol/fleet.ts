import assert from 'node:assert/strict'
import type { Protocol } from '../dialects.ts'
import { protocols } from '../dialects.ts'
import { type Meanings, open } from './audit.ts'
import { Client, EnvoyClient } from './client.ts'
import { isWildcard, snapshotOf, types } from './content.ts'
import { inForceProblem } from './in-force.ts'
import { AuditedReplica, Link } from './link.ts'
import { Rows } from './rows.ts'
import type { Transport } from './transport.ts'

interface Connected {
  readonly client: Client
  readonly meanings: Meanings
  link: Link
}

/** Two replicas, and clients of both variants: Envoys, and others that subscribe to what they like. */
export class Fleet {
  readonly rows = new Rows()
  readonly #transport: Transport
  readonly #replicas: readonly AuditedReplica[]
  readonly #connected: readonly Connected[]
  #revision = 1

  constructor(transport: Transport) {
    this.#transport = transport
    this.#replicas = [new AuditedReplica(transport.now), new AuditedReplica(transport.now)]
    const clients = protocols.flatMap((protocol: Protocol) => [
      new EnvoyClient(protocol, `envoy-${protocol}`),
      new Client(protocol, `client-${protocol}`),
    ])
    this.#connected = clients.map((client, index) => {
      if (!(client instanceof EnvoyClient)) client.types.route.names.add('a')
      const meanings = { texts: new Map(), wholes: new Map(), grown: new Set<string>(), log: [] }
      return { client, meanings, link: this.#link(client, meanings, index % 2) }
    })
  }

  client(index: number): Client {
    return this.#connected[index]!.client
  }

  async publish(replicas: readonly number[]): Promise<void> {
    const texts = this.rows.texts()
    const snapshot = snapshotOf(++this.#revision, texts)
    for (const replica of replicas) {
      this.#replicas[replica]!.publish(texts)
      for (const link of this.#linksTo(replica)) link.published()
      await this.#transport.publish(replica, snapshot)
    }
    this.check()
  }

  read(index: number): boolean {
    const { client } = this.#connected[index]!
    const did = client.read()
    this.check()
    return did
  }

  async write(index: number): Promise<boolean> {
    const did = await this.#connected[index]!.link.transmit()
    this.check()
    return did
  }

  async reconnect(index: number, replica: number, restart = false): Promise<void> {
    const connected = this.#connected[index]!
    const { client, meanings, link } = connected
    await link.close()
    meanings.log.push(restart ? '-- restart' : `-- reconnect to ${replica}`)
    if (restart) client.restart()
    else if (replica !== link.place) strand(client, meanings)
    connected.link = this.#link(client, meanings, replica)
    if (restart && !(client instanceof EnvoyClient)) client.change('route', ['a'], [])
    this.check()
  }

  async retry(replica: number): Promise<void> {
    for (const link of this.#linksTo(replica)) link.retry()
    await this.#transport.retry(replica)
    this.check()
  }

  async wait(ms: number): Promise<void> {
    for (const { meanings } of this.#connected) meanings.log.push(`-- ${ms} ms`)
    await this.#transport.pass(ms)
    this.check()
  }

  /** Both sides go on until nobody has anything to say. */
  async settle(): Promise<void> {
    await this.publish([0, 1])
    let turns = 0
    for (let busy = true; busy; ) {
      busy = false
      for (const index of this.#connected.keys()) {
        while (this.read(index) || (await this.write(index))) {
          busy = true
          assert.ok(turns++ < 5_000, 'they never come to rest')
        }
      }
    }
    for (const connected of this.#connected) this.#assertInForce(connected)
  }

  /** Once the cause of all refusals is gone, everything arrives when its time has come. */
  async recover(): Promise<void> {
    for (const { client } of this.#connected) client.cured = true
    await this.settle()
    for (let rounds = 0; ; rounds++) {
      const next = this.#transport.nextRetry()
      if (next === undefined) break
      assert.ok(rounds < 1_000, 'retries never end')
      await this.wait(Math.max(0, next - this.#transport.now()))
      await this.settle()
    }
    for (const connected of this.#connected) this.#assertInForce(connected, true)
  }

  #link(client: Client, meanings: Meanings, replica: number): Link {
    return new Link(this.#transport, replica, this.#replicas[replica]!, client, meanings)
  }

  #linksTo(replica: number): Link[] {
    return this.#connected.map(({ link }) => link).filter(({ place }) => place === replica)
  }

  #assertInForce({ client, link, meanings }: Connected, whole = false): void {
    const problem = inForceProblem(client, this.rows.texts(), link.delivery(), whole)
    if (problem !== undefined) throw new Error(`${client.id}: ${problem}\n${meanings.log.join('\n')}`)
  }

  check(): void {
    for (const { client, link, meanings } of this.#connected) {
      const problems = [...client.problems, ...link.problems]
      if (problems.length > 0)
        throw new Error(`${client.id}: ${problems.join('; ')}\n${meanings.log.join('\n')}`)
    }
  }
}

/** What a client has and does not claim, or claims and does not have, a replica that never served it cannot know. */
function strand(client: Client, { wholes }: Meanings): void {
  for (const short of types) {
    const type = client.types[short]
    for (const name of type.untold) type.stranded.add(name)
    if (client.protocol === 'delta' || isWildcard(short)) continue
    const meant = wholes.get(`${short} ${type.version}`) ?? new Map<string, string>()
    for (const [name, text] of meant) {
      if (text !== open && type.names.has(name) && type.has.get(name) !== text) type.stranded.add(name)
    }
  }
}
