import { setImmediate as turn } from 'node:timers/promises'
import type { TypeUrl } from '../../../src/envoy-api/types.ts'
import { createXdsServer, type XdsServer } from '../../../src/xds/server.ts'
import type { Snapshot } from '../../../src/xds/snapshot.ts'
import { handClock } from '../../support/hand-clock.ts'
import type { Client, Said } from './client.ts'
import { noTexts, snapshotOf } from './content.ts'
import { Happened } from './happened.ts'
import { fences, fenceType, SocketStream } from './socket-stream.ts'
import type { Stream, Transport } from './transport.ts'

interface Replica {
  readonly server: XdsServer
  readonly port: number
  readonly happened: Happened
  readonly streams: Set<SocketStream>
  revision: number
}

/** Two servers of their own on 127.0.0.1, to which each client has a connection. */
export async function startSockets(): Promise<Transport> {
  const clock = handClock()
  const replicas = [await startReplica(clock), await startReplica(clock)]
  const transport = new Sockets(clock, replicas)
  for (const index of replicas.keys()) await transport.publish(index, snapshotOf(1, noTexts()))
  return transport
}

async function startReplica(clock: ReturnType<typeof handClock>): Promise<Replica> {
  const happened = new Happened()
  const server = createXdsServer({ observe: happened.tell, clock })
  const { port } = await server.listen('127.0.0.1:0')
  return { server, port, happened, streams: new Set(), revision: 0 }
}

class Sockets implements Transport {
  readonly now: () => number
  readonly #clock: ReturnType<typeof handClock>
  readonly #replicas: readonly Replica[]

  constructor(clock: ReturnType<typeof handClock>, replicas: readonly Replica[]) {
    this.now = clock.now
    this.#clock = clock
    this.#replicas = replicas
  }

  open(index: number, client: Pick<Client, 'protocol' | 'id'>, hear: (said: Said) => void): Stream {
    const replica = this.#replicas[index]!
    const stream = new SocketStream(replica.port, replica.happened, client, hear)
    return {
      send: async (request) => {
        stream.send(request)
        replica.streams.add(stream)
        await this.#rest([stream])
      },
      delivery: () => stateOf(replica, client.id),
      close: async () => {
        replica.streams.delete(stream)
        await stream.close()
      },
    }
  }

  async publish(index: number, snapshot: Snapshot): Promise<void> {
    const replica = this.#replicas[index]!
    const resources = new Map([...snapshot.resources, [fenceType as TypeUrl, fences]])
    replica.server.publish({ ...snapshot, resources })
    replica.revision = snapshot.revision
    // It goes to the streams in the next turn, once for all that is published in one.
    await turn()
    await this.#rest(replica.streams)
  }

  async retry(index: number): Promise<void> {
    const { server, streams } = this.#replicas[index]!
    server.retry('edge')
    await turn()
    await this.#rest(streams)
  }

  async pass(ms: number): Promise<void> {
    this.#clock.pass(ms)
    await this.#rest(this.#replicas.flatMap(({ streams }) => [...streams]))
  }

  nextRetry(): number | undefined {
    return this.#clock.next()
  }

  async close(): Promise<void> {
    for (const { streams } of this.#replicas) for (const stream of streams) stream.cut()
    await Promise.all(this.#replicas.map(({ server }) => server.close(0)))
  }

  /** Awaits all that the replicas send by these streams. */
  async #rest(streams: Iterable<SocketStream>): Promise<void> {
    const all = [...streams]
    await Promise.all(all.map((stream) => stream.fence()))
    // What was refused, and may be sent again at once, is so when the clock is looked at.
    while ((this.#clock.next() ?? Number.POSITIVE_INFINITY) <= this.now()) {
      this.#clock.pass(0)
      await Promise.all(all.map((stream) => stream.fence()))
    }
  }
}

/** What a receipt says of the client. */
function stateOf({ server, revision }: Replica, id: string): string {
  const { envoys } = server.fleet.settled({ revision, gateways: ['edge'] })
  const own = envoys.find((envoy) => envoy.id === id && envoy.disconnectedAt === undefined)
  if (own === undefined) throw new Error(`${id} is not in the receipt`)
  return own.state
}
