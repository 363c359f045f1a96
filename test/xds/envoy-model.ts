import type { EncodedResource } from '../../src/envoy-api/encoded.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { type DeltaRequest, type DeltaResponse, DeltaStream } from '../../src/xds/delta.ts'
import { Memories, type Seat } from '../../src/xds/memories.ts'
import { changesBetween, type Snapshot } from '../../src/xds/snapshot.ts'
import { type ShortType, stillClock, told } from './plain.ts'

const identity = { gateway: 'edge', id: 'n', version: '1.40.0' }

const shortOf = new Map(Object.entries(typeUrls).map(([short, url]) => [url as string, short as ShortType]))

interface TypeOfModel {
  asked: boolean
  /** What is in force; after a NACK this may be more than what is claimed. */
  readonly has: Map<string, string>
  /** Versions that are named on a reconnect. */
  readonly claims: Map<string, string>
  readonly subscribed: Set<string>
  /** Names in responses that were refused or lost, until the server knows that a later one was accepted. */
  readonly doubtful: Set<string>
  /** Names in responses whose answer was lost; the claim of a version explains one such loss, not two. */
  readonly unheard: Set<string>
}

/**
 * An Envoy as the protocol sees it (envoy-facts): holds a cluster response's ACK until the endpoints of its
 * clusters arrive, subscribes to the endpoints of its clusters and the routes of its listeners, refuses a
 * response with a bad version after applying a part of it, and asks for no clusters while one warms.
 *
 * A listener's version is `<route configuration>:<n>`, a route's `<cluster>:<n>`, and one with `bad` in it is
 * refused until it is `healed`. `problems` collects what no server should do. With `siblings`, others of the same id
 * share these memories; what is in doubt with them may then be sent again.
 */
export class EnvoyModel {
  readonly problems: string[] = []
  readonly types: Record<ShortType, TypeOfModel> = {
    cluster: emptyType(),
    endpoints: emptyType(),
    listener: emptyType(),
    route: emptyType(),
  }
  stream: DeltaStream
  /** What was bad no longer is. */
  healed = false
  readonly #memories: Memories
  #seat: Seat
  readonly #checkReferences: boolean
  readonly #hasSiblings: boolean
  #inbox: DeltaResponse[] = []
  #outbox: DeltaRequest[] = []
  #initialized = false
  #streams = 0
  /** Answers to cluster responses, held back while a cluster warms. */
  #heldBack: DeltaRequest[] = []
  readonly #warming = new Set<string>()
  /** Clusters that came since their endpoints did, so these may come again. */
  readonly #endpointsDue = new Set<string>()
  readonly #received = new Map<string, DeltaResponse>()
  /** What the server was told to be bad. */
  readonly #refusedAlone = new Set<string>()

  constructor(snapshot: Snapshot, checkReferences: boolean, siblings?: Memories) {
    this.#checkReferences = checkReferences
    this.#hasSiblings = siblings !== undefined
    this.#memories = siblings ?? new Memories(stillClock)
    this.#seat = this.#memories.open(identity)
    this.stream = this.#connect(snapshot)
  }

  /** What was refused is to be sent again, each once. */
  retry(): void {
    this.#refusedAlone.clear()
    this.stream.session.retry()
    this.#serve()
  }

  publish(snapshot: Snapshot): void {
    this.stream.onSnapshot(snapshot, changesBetween(this.stream.session.snapshot, snapshot))
    this.#serve()
  }

  /** The connection is lost, with all that was on its way, and made again. */
  reconnect(): void {
    this.stream.session.close()
    this.#seat.leave()
    this.#seat = this.#memories.open(identity)
    // While another lives, its memory does not tell what this one refused.
    if (this.#hasSiblings) this.#refusedAlone.clear()
    for (const response of this.#inbox) this.#doubt(response)
    // Their clusters came, so they may come again, whether they did or not.
    for (const name of this.types.endpoints.subscribed) this.#endpointsDue.add(name)
    for (const { response_nonce } of [...this.#outbox, ...this.#heldBack]) {
      if (response_nonce !== undefined) this.#unheard(this.#received.get(response_nonce)!)
    }
    this.stream = this.#connect(this.stream.session.snapshot)
  }

  /** The server reads the next request. Returns false when there is none. */
  transmit(): boolean {
    const request = this.#outbox.shift()
    if (request === undefined) return false
    const answer = this.stream.onRequest(request)
    if (answer.kind === 'ack') this.#settle(answer.nonce)
    if (answer.kind === 'nack' && answer.parked !== undefined) {
      const [{ name, version }] = this.#received.get(answer.nonce)!.upserts as [EncodedResource]
      this.#refusedAlone.add(`${answer.type} ${name} ${version}`)
    }
    this.#serve()
    return true
  }

  /** The model reads the next response. Returns false when there is none. */
  receive(): boolean {
    const response = this.#inbox.shift()
    if (response === undefined) return false
    this.#received.set(response.nonce, response)
    this.#apply(response)
    this.#check(response)
    return true
  }

  #connect(snapshot: Snapshot): DeltaStream {
    this.#inbox = []
    this.#outbox = []
    this.#heldBack = []
    const stream = new DeltaStream(snapshot, this.#seat.memory, `${++this.#streams}.`)
    this.#seat.doubtUnanswered = () => stream.session.close()
    for (const type of Object.values(this.types)) type.asked = false
    const asks: ShortType[] = this.#warming.size === 0 || !this.#initialized ? ['cluster'] : []
    if (this.types.endpoints.subscribed.size > 0) asks.push('endpoints')
    if (this.#initialized) asks.push('listener')
    if (this.types.route.subscribed.size > 0) asks.push('route')
    // They arrive together, as an Envoy writes them; the server answers when it has read them all.
    for (const type of asks) stream.onRequest(this.#firstRequest(type))
    this.#inbox.push(...stream.advance())
    return stream
  }

  #firstRequest(short: ShortType): DeltaRequest {
    const type = this.types[short]
    type.asked = true
    if (short === 'endpoints' && !this.types.cluster.asked) {
      for (const name of type.subscribed) this.#endpointsDue.add(name)
    }
    return {
      type_url: typeUrls[short],
      resource_names_subscribe: [...type.subscribed],
      initial_resource_versions: Object.fromEntries(type.claims),
    }
  }

  #serve(): void {
    this.#inbox.push(...this.stream.advance())
  }

  #apply(response: DeltaResponse): void {
    const short = shortOf.get(response.type)!
    const type = this.types[short]
    const accepted = this.healed || !response.upserts.some(({ version }) => version.includes('bad'))
    this.#noteRepeats(short, response)
    for (const [index, { name, version }] of response.upserts.entries()) {
      if (!this.#wants(short, name)) continue
      if (accepted || (index % 2 === 0 && !version.includes('bad'))) type.has.set(name, version)
      if (accepted) type.claims.set(name, version)
    }
    for (const name of response.removed) {
      type.has.delete(name)
      if (accepted) type.claims.delete(name)
    }
    if (!accepted) this.#doubt(response)
    const error_detail = accepted ? {} : { error_detail: { code: 13, message: 'bad' } }
    this.#follow(short, response, {
      type_url: response.type,
      response_nonce: response.nonce,
      ...error_detail,
    })
  }

  #follow(short: ShortType, response: DeltaResponse, answer: DeltaRequest): void {
    if (short === 'cluster') {
      for (const { name } of response.upserts) {
        this.#endpointsDue.add(name)
        if (this.types.cluster.has.has(name)) this.#warming.add(name)
      }
      for (const name of response.removed) this.#warming.delete(name)
      this.#subscribe('endpoints', this.types.cluster.has.keys())
      if (this.#initialized) this.#heldBack.push(answer)
      else this.#outbox.push(answer)
    } else if (short === 'endpoints') {
      for (const name of [...response.upserts.map(({ name }) => name), ...response.removed]) {
        this.#warming.delete(name)
        this.#endpointsDue.delete(name)
      }
      this.#outbox.push(answer)
    } else if (short === 'listener') {
      const used = [...this.types.listener.has.values()].map((version) => version.split(':')[0]!)
      this.#subscribe('route', used)
      this.#outbox.push(answer)
    } else this.#outbox.push(answer)
    if (this.#warming.size === 0) this.#warm()
  }

  #warm(): void {
    this.#outbox.push(...this.#heldBack.splice(0))
    if (!this.types.cluster.asked) this.#outbox.push(this.#firstRequest('cluster'))
    this.#initialized = true
    if (!this.types.listener.asked) this.#outbox.push(this.#firstRequest('listener'))
  }

  #subscribe(short: 'endpoints' | 'route', wanted: Iterable<string>): void {
    const type = this.types[short]
    const names = new Set(wanted)
    const added = [...names].filter((name) => !type.subscribed.has(name))
    const dropped = [...type.subscribed].filter((name) => !names.has(name))
    if (added.length === 0 && dropped.length === 0) return
    for (const name of dropped) for (const set of [type.subscribed, type.has, type.claims]) set.delete(name)
    for (const name of added) type.subscribed.add(name)
    if (!type.asked) this.#outbox.push(this.#firstRequest(short))
    else {
      const lists = { resource_names_subscribe: added, resource_names_unsubscribe: dropped }
      this.#outbox.push({ type_url: typeUrls[short], ...lists })
    }
  }

  #settle(nonce: string): void {
    const { type, upserts, removed } = this.#received.get(nonce)!
    const { doubtful, unheard } = this.types[shortOf.get(type)!]
    for (const name of [...upserts.map(({ name }) => name), ...removed]) {
      doubtful.delete(name)
      unheard.delete(name)
    }
  }

  #unheard({ type, upserts, removed }: DeltaResponse): void {
    const { doubtful, unheard } = this.types[shortOf.get(type)!]
    for (const name of [...upserts.map(({ name }) => name), ...removed]) {
      if (unheard.has(name)) doubtful.add(name)
      unheard.add(name)
    }
  }

  /** Whether this response took effect, neither side can tell from the versions that are claimed. */
  #doubt({ type, upserts, removed }: DeltaResponse): void {
    const { doubtful } = this.types[shortOf.get(type)!]
    for (const name of [...upserts.map(({ name }) => name), ...removed]) doubtful.add(name)
  }

  #wants(short: ShortType, name: string): boolean {
    return short === 'cluster' || short === 'listener' || this.types[short].subscribed.has(name)
  }

  #noteRepeats(short: ShortType, response: DeltaResponse): void {
    const type = this.types[short]
    for (const { name, version } of response.upserts) {
      const excused =
        this.#hasSiblings ||
        type.doubtful.has(name) ||
        (short === 'endpoints' && this.#endpointsDue.has(name))
      if (type.claims.get(name) === version && !excused) this.problems.push(`sent twice: ${told(response)}`)
      if (this.#refusedAlone.has(`${response.type} ${name} ${version}`)) {
        this.problems.push(`sent though it was refused: ${told(response)}`)
      }
    }
  }

  #check(response: DeltaResponse): void {
    if (!this.#checkReferences) return
    for (const [name, version] of this.types.route.has) {
      const cluster = version.split(':')[0]!
      if (!this.types.cluster.has.has(cluster)) {
        this.problems.push(`after ${told(response)}, route ${name} has no cluster ${cluster}`)
      }
    }
  }
}

function emptyType(): TypeOfModel {
  return {
    asked: false,
    has: new Map(),
    claims: new Map(),
    subscribed: new Set(),
    doubtful: new Set(),
    unheard: new Set(),
  }
}
