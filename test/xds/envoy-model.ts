import { typeUrls } from '../../src/envoy-api/types.ts'
import { Memories, type Seat } from '../../src/xds/memories.ts'
import { changesBetween, resourcesOf, type Snapshot } from '../../src/xds/snapshot.ts'
import { Versions } from '../../src/xds/versions.ts'
import {
  type Dialect,
  dialects,
  isWhole,
  type Protocol,
  type Request,
  type Response,
  versionOfAll,
} from './dialects.ts'
import { partsOf, plainResources, type ShortType, stillClock, told } from './plain.ts'

const identity = { gateway: 'edge', id: 'n', version: '1.40.0' }

const shortOf = new Map(Object.entries(typeUrls).map(([short, url]) => [url as string, short as ShortType]))

interface TypeOfModel {
  asked: boolean
  /** On an earlier stream. */
  everAsked: boolean
  /** What is in force; after a NACK this may be more than what is claimed. */
  readonly has: Map<string, string>
  /** Versions that are named on a reconnect. */
  readonly claims: Map<string, string>
  readonly subscribed: Set<string>
  /** Names in responses that were refused or lost, until the server knows that a later one was accepted. */
  readonly doubtful: Set<string>
  /** Names in responses whose answer was lost; the claim of a version explains one such loss, not two. */
  readonly unheard: Set<string>
  /** Names that went without a word, so that they may come again. */
  readonly untold: Set<string>
}

/**
 * An Envoy as the protocol sees it (envoy-facts): holds a cluster response's ACK until the endpoints of its
 * clusters arrive, subscribes to the endpoints of its clusters and the routes of its listeners, refuses a
 * response with a bad version after applying a part of it, and asks for no clusters while one warms. It asks for the
 * secrets and extensions of its listeners, and a route names a part of each of these.
 *
 * A listener's version is `<route configuration>/<secret>/<extension>:<n>`, a route's `<cluster>/<part>:<n>`, an
 * extension's `<part>,<part>:<n>`, and one with `bad` in it is refused until it is `healed`. `problems` collects what no server should do. With `siblings`, others of the same id
 * share these memories; what is in doubt with them may then be sent again.
 */
export class EnvoyModel {
  readonly problems: string[] = []
  readonly types: Record<ShortType, TypeOfModel> = {
    cluster: emptyType(),
    endpoints: emptyType(),
    secret: emptyType(),
    extension: emptyType(),
    listener: emptyType(),
    route: emptyType(),
  }
  readonly #protocol: Protocol
  readonly #dialect: Dialect
  readonly #versions = new Versions()
  /** Those of each extension that it has. */
  readonly parts = new Map<string, Set<string>>()
  /** What was bad no longer is. */
  healed = false
  readonly #memories: Memories
  #seat: Seat
  readonly #checkReferences: boolean
  readonly #hasSiblings: boolean
  #inbox: Response[] = []
  #outbox: Request[] = []
  #initialized = false
  #streams = 0
  /** Answers to cluster responses, held back while a cluster warms. */
  #heldBack: Request[] = []
  readonly #warming = new Set<string>()
  /** Clusters that came since their endpoints did, so these may come again. */
  readonly #endpointsDue = new Set<string>()
  readonly #received = new Map<string, Response>()
  /** What the server was told to be bad. */
  readonly #refusedAlone = new Set<string>()

  constructor(protocol: Protocol, snapshot: Snapshot, checkReferences: boolean, siblings?: Memories) {
    this.#protocol = protocol
    this.#dialect = dialects[protocol]()
    this.#checkReferences = checkReferences
    this.#hasSiblings = siblings !== undefined
    this.#memories = siblings ?? new Memories(stillClock)
    this.#seat = this.#memories.open(identity)
    this.#connect(snapshot)
  }

  get session() {
    return this.#dialect.session
  }

  /** What was refused is to be sent again, each once. */
  retry(): void {
    this.#refusedAlone.clear()
    this.session.retry()
    this.#serve()
  }

  publish(snapshot: Snapshot): void {
    const changes = changesBetween(this.session.snapshot, snapshot)
    this.#dialect.publish(snapshot, changes)
    // Over the state of the world it is not told that a named resource is gone, and may get it again later.
    for (const short of ['endpoints', ...used] as const) {
      if (this.#protocol === 'delta') continue
      for (const name of changes.get(typeUrls[short]) ?? []) {
        if (!resourcesOf(snapshot, typeUrls[short]).has(name)) this.types[short].untold.add(name)
      }
    }
    this.#serve()
  }

  /** The connection is lost, with all that was on its way, and made again. */
  reconnect(): void {
    this.session.close()
    this.#seat.leave()
    this.#seat = this.#memories.open(identity)
    // While another lives, its memory does not tell what this one refused.
    if (this.#hasSiblings) this.#refusedAlone.clear()
    for (const response of this.#inbox) this.#doubt(response)
    // Their clusters came, so they may come again, whether they did or not.
    for (const name of this.types.endpoints.subscribed) this.#endpointsDue.add(name)
    const nonces = new Set([...this.#outbox, ...this.#heldBack].map(({ response_nonce }) => response_nonce))
    for (const nonce of nonces) if (nonce !== undefined) this.#unheard(this.#received.get(nonce)!)
    if (this.#protocol === 'sotw') for (const short of ['endpoints', ...used] as const) this.#claim(short)
    this.#connect(this.session.snapshot)
  }

  /** The server reads the next request. Returns false when there is none. */
  transmit(): boolean {
    const request = this.#outbox.shift()
    if (request === undefined) return false
    const answer = this.#dialect.send(request)
    if (answer.kind === 'ack') this.#settle(answer.nonce)
    if (answer.kind === 'nack' && answer.parked !== undefined) {
      const { upserts, content } = this.#received.get(answer.nonce)!
      const version = [...upserts, ...content].find(({ name }) => name === answer.parked)?.version
      this.#refusedAlone.add(`${answer.type} ${answer.parked} ${version}`)
    }
    this.#serve()
    return true
  }

  /** The model reads the next response. Returns false when there is none. */
  receive(): boolean {
    const response = this.#inbox.shift()
    if (response === undefined) return false
    const read = this.#read(response)
    this.#received.set(response.nonce, read)
    this.#apply(read)
    this.#check(read)
    return true
  }

  /** What a response of everything changes is seen by what the Envoy has, not by what it accepted. */
  #read(response: Response): Response {
    if (!this.#isWhole(response)) return response
    const { has } = this.types[shortOf.get(response.type)!]
    const upserts = response.content.filter(({ name, version }) => has.get(name) !== version)
    const names = new Set(response.content.map(({ name }) => name))
    return { ...response, upserts, removed: [...has.keys()].filter((name) => !names.has(name)) }
  }

  #isWhole({ type }: Response): boolean {
    return this.#protocol === 'sotw' && isWhole(type)
  }

  #connect(snapshot: Snapshot): void {
    this.#inbox = []
    this.#outbox = []
    this.#heldBack = []
    const shared = { memory: this.#seat.memory, versions: this.#versions }
    this.#dialect.connect(snapshot, shared, `${++this.#streams}.`)
    const { session } = this
    this.#seat.doubtUnanswered = () => session.close()
    for (const type of Object.values(this.types)) {
      type.everAsked ||= type.asked
      type.asked = false
    }
    const asks: ShortType[] = this.#warming.size === 0 || !this.#initialized ? ['cluster'] : []
    if (this.#asksFor('endpoints')) asks.push('endpoints')
    if (this.#initialized) asks.push('listener')
    for (const short of used) if (this.#asksFor(short)) asks.push(short)
    // They arrive together, as an Envoy writes them; the server answers when it has read them all.
    for (const type of asks) this.#dialect.send(this.#firstRequest(type))
    this.#serve()
  }

  /** Over the state of the world it asks for a type that it once had names of, though it has none now. */
  #asksFor(short: ShortType): boolean {
    const { subscribed, everAsked } = this.types[short]
    return subscribed.size > 0 || (this.#protocol === 'sotw' && everAsked)
  }

  /** One version for all: if it is not that of what it is to have, the server cannot tell what it has. */
  #claim(short: ShortType): void {
    const { subscribed, doubtful } = this.types[short]
    const target = [...resourcesOf(this.session.snapshot, typeUrls[short])]
    const wanted = new Map(target.filter(([name]) => subscribed.has(name)))
    if (this.#dialect.claimed(typeUrls[short]) === versionOfAll(wanted)) return
    for (const name of subscribed) doubtful.add(name)
  }

  #firstRequest(short: ShortType): Request {
    const type = this.types[short]
    type.asked = true
    if (short === 'endpoints' && !this.types.cluster.asked) {
      for (const name of type.subscribed) this.#endpointsDue.add(name)
    }
    const held = plainResources(Object.fromEntries(type.claims))
    return this.#dialect.first(typeUrls[short], { subscribe: [...type.subscribed], unsubscribe: [], held })
  }

  #serve(): void {
    this.#inbox.push(...this.#dialect.advance())
  }

  #apply(response: Response): void {
    const short = shortOf.get(response.type)!
    const type = this.types[short]
    const accepted = this.healed || !response.upserts.some(isBad)
    this.#checkRemovals(short, response)
    this.#noteRepeats(short, response)
    for (const [index, resource] of response.upserts.entries()) {
      const { name, version } = resource
      if (!this.#wants(short, name)) continue
      if (accepted || (index % 2 === 0 && !isBad(resource))) {
        type.has.set(name, version)
        if (short === 'extension') this.parts.set(name, partsOf(resource))
      }
      if (accepted) type.claims.set(name, version)
    }
    if (accepted && this.#isWhole(response)) {
      type.claims.clear()
      for (const { name, version } of response.content) type.claims.set(name, version)
    }
    for (const name of response.removed) {
      type.has.delete(name)
      if (accepted) type.claims.delete(name)
    }
    if (!accepted) this.#doubt(response)
    const change = { subscribe: [], unsubscribe: [] }
    const answer = this.#dialect.answer(response, change, accepted ? undefined : messageFor(response))
    this.#follow(short, response, answer)
  }

  #follow(short: ShortType, response: Response, answer: Request): void {
    if (short === 'cluster') {
      for (const { name } of response.upserts) {
        this.#endpointsDue.add(name)
        if (this.types.cluster.has.has(name)) this.#warming.add(name)
      }
      // Nor can the server know whether these came before.
      for (const { name } of response.content) {
        if (this.types.cluster.doubtful.has(name)) this.#endpointsDue.add(name)
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
      const listeners = [...this.types.listener.has.values()].map(usedBy)
      for (const short of used) {
        this.#subscribe(short, new Set(listeners.map((each) => each[short]).filter((name) => name !== '')))
      }
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

  #subscribe(short: 'endpoints' | (typeof used)[number], wanted: Iterable<string>): void {
    const type = this.types[short]
    const names = new Set(wanted)
    const added = [...names].filter((name) => !type.subscribed.has(name))
    const dropped = [...type.subscribed].filter((name) => !names.has(name))
    if (added.length === 0 && dropped.length === 0) return
    for (const name of dropped) for (const set of [type.subscribed, type.has, type.claims]) set.delete(name)
    for (const name of added) type.subscribed.add(name)
    if (!type.asked) this.#outbox.push(this.#firstRequest(short))
    else {
      this.#outbox.push(this.#dialect.change(typeUrls[short], { subscribe: added, unsubscribe: dropped }))
    }
  }

  #settle(nonce: string): void {
    const response = this.#received.get(nonce)!
    const { type, upserts, removed } = response
    const { doubtful, unheard } = this.types[shortOf.get(type)!]
    if (this.#isWhole(response)) for (const names of [doubtful, unheard]) names.clear()
    for (const name of [...upserts.map(({ name }) => name), ...removed]) {
      doubtful.delete(name)
      unheard.delete(name)
    }
  }

  #unheard({ type, upserts, removed }: Response): void {
    const { doubtful, unheard } = this.types[shortOf.get(type)!]
    for (const name of [...upserts.map(({ name }) => name), ...removed]) {
      if (unheard.has(name)) doubtful.add(name)
      unheard.add(name)
    }
  }

  /** Whether this response took effect, neither side can tell from the versions that are claimed. */
  #doubt({ type, upserts, removed }: Response): void {
    const { doubtful } = this.types[shortOf.get(type)!]
    for (const name of [...upserts.map(({ name }) => name), ...removed]) doubtful.add(name)
  }

  #wants(short: ShortType, name: string): boolean {
    return short === 'cluster' || short === 'listener' || this.types[short].subscribed.has(name)
  }

  #noteRepeats(short: ShortType, response: Response): void {
    const type = this.types[short]
    const whole = this.#isWhole(response)
    const news = whole ? response.upserts.length + response.removed.length : undefined
    if (news === 0 && type.claims.size > 0 && type.doubtful.size === 0 && !this.#hasSiblings) {
      this.problems.push(`sent twice: ${told(response)}`)
    }
    for (const { name, version } of whole ? response.content : response.upserts) {
      const excused =
        this.#hasSiblings ||
        type.doubtful.has(name) ||
        type.untold.has(name) ||
        (short === 'endpoints' && this.#endpointsDue.has(name))
      if (type.claims.get(name) === version && !excused && !whole)
        this.problems.push(`sent twice: ${told(response)}`)
      if (this.#refusedAlone.has(`${response.type} ${name} ${version}`)) {
        this.problems.push(`sent though it was refused: ${told(response)}`)
      }
    }
  }

  /** Nobody may lose what it needs, but for what it merely asked for, and what was never there. */
  #checkRemovals(short: ShortType, { removed }: Response): void {
    if (short !== 'secret' && short !== 'extension') return
    for (const [listener, version] of this.types.listener.has) {
      const name = usedBy(version)[short]
      if (removed.includes(name) && this.types[short].has.has(name)) {
        this.problems.push(`listener ${listener} loses its ${short} ${name}`)
      }
    }
  }

  /** A listener whose routes name a part that its extension lacks refuses their requests. */
  #checkParts(response: Response): void {
    for (const version of this.types.listener.has.values()) {
      const { route, extension } = usedBy(version)
      const [, part] = this.types.route.has.get(route)?.split(/[/:]/) ?? []
      if (part === undefined || !this.types.extension.has.has(extension)) continue
      // The server takes it for gone, which nobody could tell, and whose doubt it is among siblings it does not know.
      if (this.#hasSiblings && this.types.extension.untold.has(extension)) continue
      if (!this.parts.get(extension)!.has(part)) {
        this.problems.push(`after ${told(response)}, route ${route} names ${part}, which ${extension} lacks`)
      }
    }
  }

  #check(response: Response): void {
    if (!this.#checkReferences) return
    this.#checkParts(response)
    for (const [name, version] of this.types.route.has) {
      const cluster = version.split(/[/:]/)[0]!
      if (!this.types.cluster.has.has(cluster)) {
        this.problems.push(`after ${told(response)}, route ${name} has no cluster ${cluster}`)
      }
    }
  }
}

/** Types of what listeners name. */
const used = ['secret', 'extension', 'route'] as const

/** What a listener of this version names of each type. */
function usedBy(version: string): Record<(typeof used)[number], string> {
  const [route = '', secret = '', extension = ''] = version.split(':')[0]!.split('/')
  return { route, secret, extension }
}

function isBad(resource: Response['upserts'][number]): boolean {
  return resource.version.includes('bad') || partsOf(resource).has('bad')
}

/** Some messages name the culprits, as Envoy does for clusters and listeners; others do not. */
function messageFor({ upserts }: Response): string {
  const bad = upserts.filter(isBad)
  return upserts.length % 2 === 0 ? 'bad' : bad.map(({ name }) => `${name}: bad`).join(', ')
}

function emptyType(): TypeOfModel {
  return {
    asked: false,
    everAsked: false,
    has: new Map(),
    claims: new Map(),
    subscribed: new Set(),
    doubtful: new Set(),
    unheard: new Set(),
    untold: new Set(),
  }
}
