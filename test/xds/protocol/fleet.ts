import assert from 'node:assert/strict'
import type { Protocol } from '../dialects.ts'
import { protocols } from '../dialects.ts'
import { type Meanings, open } from './audit.ts'
import { Client, EnvoyClient } from './client.ts'
import { isWildcard, type Texts, types } from './content.ts'
import { inForceProblem } from './in-force.ts'
import { Rows } from './rows.ts'
import { FakeClock, SessionLink, SessionReplica } from './sessions.ts'

interface Connected {
  readonly client: Client
  readonly meanings: Meanings
  replica: SessionReplica
  link: SessionLink
}

/** Two replicas, and clients of both variants: Envoys, and others that subscribe to what they like. */
export class SessionFleet {
  readonly clock = new FakeClock()
  readonly replicas = [new SessionReplica(this.clock), new SessionReplica(this.clock)]
  readonly rows = new Rows()
  readonly #connected: Connected[]
  #revision = 1

  constructor() {
    const clients = protocols.flatMap((protocol: Protocol) => [
      new EnvoyClient(protocol, `envoy-${protocol}`),
      new Client(protocol, `client-${protocol}`),
    ])
    this.#connected = clients.map((client, index) => {
      if (!(client instanceof EnvoyClient)) client.types.route.names.add('a')
      const meanings = { texts: new Map(), wholes: new Map(), grown: new Set<string>(), log: [] }
      const replica = this.replicas[index % 2]!
      return { client, meanings, replica, link: new SessionLink(client, replica, meanings) }
    })
  }

  client(index: number): Client {
    return this.#connected[index]!.client
  }

  publish(replicas: readonly number[]): void {
    const texts = this.rows.texts()
    this.#revision++
    for (const index of replicas) this.replicas[index]!.publish(this.#revision, texts)
    this.check()
  }

  read(index: number): boolean {
    const { client } = this.#connected[index]!
    const did = client.read()
    this.check()
    return did
  }

  write(index: number): boolean {
    const did = this.#connected[index]!.link.transmit()
    this.check()
    return did
  }

  reconnect(index: number, replica: number, restart = false): void {
    const connected = this.#connected[index]!
    const { client, meanings, link } = connected
    const next = this.replicas[replica]!
    link.close()
    meanings.log.push(restart ? '-- restart' : `-- reconnect to ${replica}`)
    if (restart) client.restart()
    else if (next !== connected.replica) strand(client, meanings)
    connected.replica = next
    connected.link = new SessionLink(client, next, meanings)
    if (restart && !(client instanceof EnvoyClient)) client.change('route', ['a'], [])
    this.check()
  }

  retry(replica: number): void {
    for (const { link, replica: of } of this.#connected) if (of === this.replicas[replica]) link.retry()
    this.check()
  }

  wait(ms: number): void {
    this.clock.time += ms
    for (const { meanings } of this.#connected) meanings.log.push(`-- ${ms} ms`)
    for (const { link } of this.#connected) link.serve()
    this.check()
  }

  /** Both sides go on until nobody has anything to say. */
  settle(): void {
    this.publish([0, 1])
    let turns = 0
    for (let busy = true; busy; ) {
      busy = false
      for (const index of this.#connected.keys()) {
        while (this.read(index) || this.write(index)) {
          busy = true
          assert.ok(turns++ < 5_000, 'they never come to rest')
        }
      }
    }
    for (const connected of this.#connected) this.#assertInForce(connected)
  }

  /** Once the cause of all refusals is gone, everything arrives when its time has come. */
  recover(): void {
    for (const { client } of this.#connected) client.cured = true
    this.settle()
    for (let rounds = 0; ; rounds++) {
      const next = this.#connected
        .map(({ link }) => link.session.nextRetry())
        .filter((at) => at !== undefined)
      if (next.length === 0) break
      assert.ok(rounds < 1_000, 'retries never end')
      this.wait(Math.max(0, Math.min(...next) - this.clock.time))
      this.settle()
    }
    for (const connected of this.#connected) this.#assertInForce(connected, true)
  }

  #assertInForce({ client, link, meanings }: Connected, whole = false): void {
    const problem = inForceProblem(client, this.rows.texts(), link.session, whole)
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

export type { Texts }
