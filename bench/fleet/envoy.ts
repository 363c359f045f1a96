import { encode } from '../../src/envoy-api/protos.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { Connection } from './connection.ts'
import { type Response, Scanner } from './scanner.ts'

export type Protocol = 'delta' | 'sotw'

/** What all of the simulated Envoys are told by their clusters and listeners, said beforehand: they read neither. */
export interface World {
  readonly port: number
  readonly gateway: string
  readonly protocol: Protocol
  /** All names of each type. */
  readonly names: Readonly<Record<keyof typeof typeUrls, readonly string[]>>
}

/** As a real one that starts asks, each when the one before is there. */
const order = ['cluster', 'endpoints', 'secret', 'listener', 'extension', 'route'] as const
type Asked = (typeof order)[number]

/** Types of which it wants all that there are, and names none. */
const isWildcard = (type: Asked) => type === 'cluster' || type === 'listener'

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService'
const paths = { delta: `${service}/DeltaAggregatedResources`, sotw: `${service}/StreamAggregatedResources` }
const messages = {
  delta: 'envoy.service.discovery.v3.DeltaDiscoveryRequest',
  sotw: 'envoy.service.discovery.v3.DiscoveryRequest',
} as const

export interface EnvoyEvents {
  /** It has everything, and has said so. */
  joined(): void
  /** It acknowledged a response that came later. */
  acked(type: string): void
  lost(reason: string): void
}

/**
 * A simulated Envoy: asks for one type after the other until it has all that its clusters and listeners would name, and
 * acknowledges whatever comes. It keeps nothing.
 */
export class Envoy {
  readonly #world: World
  readonly #events: EnvoyEvents
  readonly #connection: Connection
  /** What it asked for last, and how many of it came. */
  #asked: Asked = 'cluster'
  #got = 0
  #joined = false

  constructor(id: string, world: World, events: EnvoyEvents) {
    this.#world = world
    this.#events = events
    const scanner = new Scanner((response) => this.#take(response))
    this.#connection = new Connection(world.port, paths[world.protocol], {
      data: (bytes, from, to) => scanner.push(bytes, from, to),
      lost: (reason) => events.lost(`${id}: ${reason}`),
    })
    const version = { major_number: 1, minor_number: 40 }
    const node = {
      id,
      cluster: world.gateway,
      user_agent_name: 'envoy',
      user_agent_build_version: { version },
    }
    this.#connection.send(encode(messages[world.protocol], { node, type_url: typeUrls.cluster }))
  }

  close(): void {
    this.#connection.close()
  }

  #take(response: Response): void {
    this.#acknowledge(response)
    if (this.#joined) {
      this.#events.acked(response.type)
      return
    }
    if (response.type !== typeUrls[this.#asked]) return
    this.#got += response.resources
    const { names } = this.#world
    if (this.#got < names[this.#asked].length) return
    this.#got = 0
    const next = order.slice(order.indexOf(this.#asked) + 1).find((type) => names[type].length > 0)
    if (next === undefined) {
      this.#joined = true
      this.#events.joined()
      return
    }
    this.#asked = next
    this.#connection.send(this.#asking(next))
  }

  #asking(type: Asked): Buffer {
    return made(this.#world, type, (names) => {
      const what = this.#world.protocol === 'delta' ? 'resource_names_subscribe' : 'resource_names'
      return encode(messages[this.#world.protocol], { type_url: typeUrls[type], [what]: names })
    })
  }

  /** With SotW it names all that it wants once more, as Envoy does. */
  #acknowledge({ type, version, nonce }: Response): void {
    const { protocol } = this.#world
    const answer = { type_url: type, response_nonce: nonce }
    if (protocol === 'delta') {
      this.#connection.send(encode(messages.delta, answer))
      return
    }
    const short = order.find((each) => typeUrls[each] === type)
    const said = encode(messages.sotw, { ...answer, version_info: version })
    const named = short === undefined ? Buffer.alloc(0) : this.#asking(short)
    // Fields may come twice, and the last one counts, so that what all say the same of is encoded once.
    this.#connection.send(Buffer.concat([named, said]))
  }
}

const known = new WeakMap<World, Map<string, Buffer>>()

/** A request with thousands of names, encoded once for all Envoys. */
function made(world: World, type: Asked, make: (names: readonly string[]) => Buffer): Buffer {
  const byType = known.get(world) ?? new Map<string, Buffer>()
  known.set(world, byType)
  const names = isWildcard(type) ? [] : world.names[type]
  const bytes = byType.get(type) ?? make(names)
  byType.set(type, bytes)
  return bytes
}
