import { typeUrls } from '../../../src/envoy-api/types.ts'
import type { Protocol } from '../dialects.ts'
import { flawOf, isWildcard, namedBy, type ShortType, types } from './content.ts'

/** A request of either variant, in the words of its message. */
export interface Request {
  readonly type_url: string
  readonly response_nonce?: string
  readonly error_detail?: { readonly code: number; readonly message: string }
  /** Delta. */
  readonly resource_names_subscribe?: readonly string[]
  readonly resource_names_unsubscribe?: readonly string[]
  readonly initial_resource_versions?: Readonly<Record<string, string>>
  /** State of the world. */
  readonly resource_names?: readonly string[]
  readonly version_info?: string
}

/** A response of either variant, as read from the wire. */
export interface Said {
  readonly short: ShortType
  readonly nonce: string
  /** Of the whole type, in the state of the world. */
  readonly version: string
  /** `version` is empty in the state of the world. */
  readonly resources: readonly { readonly name: string; readonly version: string; readonly text: string }[]
  readonly removed: readonly string[]
}

export interface ClientType {
  /** On this stream. */
  asked: boolean
  /** On any stream: by the state of the world it then asks again, though it wants nothing. */
  everAsked: boolean
  readonly names: Set<string>
  /** What is in force. */
  readonly has: Map<string, string>
  /** What it claims when it comes back, over delta: versions of responses that it accepted. */
  readonly claims: Map<string, string>
  /** The same by the state of the world: of the last response that it accepted. */
  version: string
  /** Of the last response that it answered on this stream. */
  nonce: string
  /** Texts that it refused, by name; one that it accepts later stays, for the server may never hear of that. */
  readonly refused: Map<string, Set<string>>
  /** Names of which it refused the first that came, or lost what it never accepted and refused since. */
  readonly lacking: Set<string>
  /** Names of which it applied something that no claim tells: part of a response that it refused. */
  readonly untold: Set<string>
  /** Those of which it claims something else than it has, to a replica that cannot know. */
  readonly stranded: Set<string>
}

/**
 * A client of either variant, with nothing from `src/xds`: it reads, applies or refuses, and answers. What is flawed it
 * refuses until it is `cured`. Its links are two queues: `inbox` has responses that it has not read, `outbox` requests
 * that the server has not read.
 */
export class Client {
  readonly protocol: Protocol
  readonly id: string
  cured = false
  inbox: Said[] = []
  outbox: Request[] = []
  types = noTypes()
  /** A type that it refuses for good, with all that is in it (`StreamAudit.isStuck`). */
  isStuck = (_short: ShortType): boolean => false
  /** A type that is replaced at once (`StreamAudit.cameBlind`). */
  cameBlind = (_short: ShortType): boolean => false
  /** What no server should bring about. */
  readonly problems: string[] = []
  /** Decides which part of a refused response it applies. */
  protected coin = 1

  constructor(protocol: Protocol, id: string) {
    this.protocol = protocol
    this.id = id
  }

  /** A new stream: everything on its way is lost. */
  connect(): void {
    this.inbox = []
    this.outbox = []
    for (const type of Object.values(this.types)) {
      type.everAsked ||= type.asked
      type.asked = false
      type.nonce = ''
    }
    for (const short of this.opening()) this.outbox.push(this.first(short))
  }

  /** The process is another: it has nothing, and refuses what it refused. */
  restart(): void {
    const before = this.types
    this.types = noTypes()
    for (const short of types) {
      for (const [name, texts] of before[short].refused) {
        this.types[short].refused.set(name, texts)
        this.types[short].lacking.add(name)
      }
    }
    this.cured = false
    this.connect()
  }

  /** Types that it asks for at once on a new stream. */
  protected opening(): ShortType[] {
    return types.filter((short) => isWildcard(short) || this.asksFor(short))
  }

  protected asksFor(short: ShortType): boolean {
    const { names, everAsked } = this.types[short]
    return names.size > 0 || (this.protocol === 'sotw' && everAsked)
  }

  /** Reads the next response; returns false when there is none. */
  read(): boolean {
    const said = this.inbox.shift()
    if (said === undefined) return false
    const before = new Map(this.types[said.short].has)
    const request = this.take(said)
    this.applied(said, before, request)
    return true
  }

  /** Asks for other names than before. */
  change(short: ShortType, added: readonly string[], dropped: readonly string[]): void {
    const type = this.types[short]
    for (const name of dropped) {
      type.names.delete(name)
      for (const each of [type.has, type.claims, type.untold, type.stranded]) each.delete(name)
    }
    for (const name of added) type.names.add(name)
    if (!type.asked) this.outbox.push(this.first(short))
    else this.outbox.push(this.words(short, added, dropped))
  }

  /** What follows from a response; here nothing but its answer. */
  protected applied(_said: Said, _before: ReadonlyMap<string, string>, answer: Request): void {
    this.outbox.push(answer)
  }

  protected first(short: ShortType): Request {
    const type = this.types[short]
    type.asked = true
    if (this.protocol === 'sotw') return this.words(short, [], [])
    // A request without names asks for all; nothing at all is said by naming that in both lists.
    const none = !isWildcard(short) && type.names.size === 0 ? { resource_names_unsubscribe: ['*'] } : {}
    const names = [...type.names]
    return {
      type_url: typeUrls[short],
      ...(names.length > 0 && { resource_names_subscribe: names }),
      ...(type.claims.size > 0 && { initial_resource_versions: Object.fromEntries(type.claims) }),
      ...none,
    }
  }

  protected words(short: ShortType, added: readonly string[], dropped: readonly string[]): Request {
    const { names, version, nonce } = this.types[short]
    if (this.protocol === 'delta') {
      return {
        type_url: typeUrls[short],
        ...(added.length > 0 && { resource_names_subscribe: added }),
        ...(dropped.length > 0 && { resource_names_unsubscribe: dropped }),
      }
    }
    return {
      type_url: typeUrls[short],
      ...(names.size > 0 && { resource_names: [...names] }),
      ...(version !== '' && { version_info: version }),
      ...(nonce !== '' && { response_nonce: nonce }),
    }
  }

  /** Applies a response, all of it or what its flaws leave, and returns the answer. */
  protected take(said: Said): Request {
    const { short } = said
    const type = this.types[short]
    const flawed = this.cured ? [] : said.resources.filter(({ text }) => flawOf(text) !== '')
    const news = flawed.filter(({ name, text }) => type.has.get(name) !== text)
    const unreadable = flawed.some(({ text }) => flawOf(text) === 'unreadable')
    const accepted = news.length === 0
    for (const { name, text } of news) {
      type.refused.set(name, new Set([...(type.refused.get(name) ?? []), text]))
      if (!type.has.has(name)) type.lacking.add(name)
    }
    if (accepted) this.#accept(said)
    else if (!unreadable) this.#applyBut(said, new Set(news.map(({ name }) => name)), () => true)
    else if (!this.holdsAll(short)) {
      this.#applyBut(said, new Set(news.map(({ name }) => name)), () => this.#toss())
    }
    type.nonce = said.nonce
    const blamed = unreadable ? 'cannot be read' : news.map(({ name }) => `${name}: not usable`).join(', ')
    const refusal = accepted ? {} : { error_detail: { code: 13, message: blamed } }
    return { ...this.words(short, [], []), response_nonce: said.nonce, ...refusal }
  }

  /** Of this type a response holds everything. */
  holdsAll(short: ShortType): boolean {
    return this.protocol === 'sotw' && isWildcard(short)
  }

  protected wants(short: ShortType, name: string): boolean {
    return isWildcard(short) || this.types[short].names.has(name)
  }

  #accept({ short, version, resources, removed }: Said): void {
    const type = this.types[short]
    const named = new Set(resources.map(({ name }) => name))
    if (this.holdsAll(short)) {
      for (const name of type.has.keys()) if (!named.has(name)) this.#noteLack(short, name)
      for (const each of [type.has, type.claims]) each.clear()
    }
    for (const { name, version, text } of resources) {
      if (!this.wants(short, name)) continue
      type.has.set(name, text)
      type.claims.set(name, version)
      for (const each of [type.lacking, type.untold, type.stranded]) each.delete(name)
    }
    for (const name of removed) {
      for (const each of [type.has, type.claims, type.untold, type.stranded]) each.delete(name)
    }
    if (this.holdsAll(short)) for (const each of [type.untold, type.stranded]) each.clear()
    type.version = version
  }

  #applyBut({ short, resources, removed }: Said, refused: Set<string>, takes: () => boolean): void {
    const type = this.types[short]
    for (const { name, text } of resources) {
      if (refused.has(name) || !this.wants(short, name) || !takes()) continue
      type.has.set(name, text)
      type.untold.add(name)
    }
    const named = new Set(resources.map(({ name }) => name))
    const gone = this.holdsAll(short) ? [...type.has.keys()].filter((name) => !named.has(name)) : removed
    for (const name of gone) {
      if (!takes()) continue
      if (type.has.delete(name)) this.#noteLack(short, name)
      type.untold.add(name)
    }
  }

  /** It never accepted what it lost, so that nobody can give it back, and refused another version. */
  #noteLack(short: ShortType, name: string): void {
    const { claims, refused, lacking } = this.types[short]
    if (this.holdsAll(short) && !claims.has(name) && refused.has(name)) lacking.add(name)
  }

  #toss(): boolean {
    this.coin = (this.coin * 48_271) % 2_147_483_647
    return this.coin % 2 === 0
  }
}

/**
 * An Envoy (envoy-facts): it wants the endpoints of its clusters and what its listeners name, holds back its answer about
 * clusters until the endpoints of each have come after it, and asks for no clusters on a new stream while one warms.
 */
export class EnvoyClient extends Client {
  readonly #warming = new Set<string>()
  #initialized = false
  #heldBack: Request[] = []

  override connect(): void {
    this.#heldBack = []
    super.connect()
  }

  override restart(): void {
    this.#warming.clear()
    this.#initialized = false
    super.restart()
  }

  protected override opening(): ShortType[] {
    return types.filter((short) => {
      if (short === 'cluster') return this.#warming.size === 0 || !this.#initialized
      return short === 'listener' ? this.#initialized : this.asksFor(short)
    })
  }

  protected override applied(said: Said, before: ReadonlyMap<string, string>, answer: Request): void {
    const { has } = this.types[said.short]
    if (said.short === 'cluster') {
      for (const [name, text] of has) if (before.get(name) !== text) this.#warming.add(name)
      for (const name of this.#warming) if (!has.has(name)) this.#warming.delete(name)
      this.#want('endpoints', has.keys())
      if (this.#initialized) this.#heldBack.push(answer)
      else this.outbox.push(answer)
    } else {
      if (said.short === 'endpoints') {
        for (const name of [...said.resources.map(({ name }) => name), ...said.removed])
          this.#warming.delete(name)
      }
      if (said.short === 'listener') this.#wantOfListeners()
      this.outbox.push(answer)
    }
    if (this.#warming.size === 0) this.#warm()
    this.#check(said, before)
  }

  #wantOfListeners(): void {
    const named = [...this.types.listener.has.values()].map(namedBy)
    for (const [index, short] of (['route', 'secret', 'extension'] as const).entries()) {
      this.#want(short, new Set(named.map((names) => names[index] ?? '').filter((name) => name !== '')))
    }
  }

  #want(short: ShortType, wanted: Iterable<string>): void {
    const names = new Set(wanted)
    const before = this.types[short].names
    const added = [...names].filter((name) => !before.has(name))
    const dropped = [...before].filter((name) => !names.has(name))
    if (added.length + dropped.length > 0) this.change(short, added, dropped)
  }

  #warm(): void {
    this.outbox.push(...this.#heldBack.splice(0))
    this.#initialized = true
    for (const short of ['cluster', 'listener'] as const) {
      if (!this.types[short].asked) this.outbox.push(this.first(short))
    }
  }

  /** What is in force may name only what is in force, but for what this Envoy itself refuses. */
  #check({ short }: Said, before: ReadonlyMap<string, string>): void {
    const { cluster, listener, route, secret, extension } = this.types
    const missing = (what: string, type: ClientType, name: string) => {
      if (name === '' || (type === cluster && users.some(this.cameBlind))) return
      if (type.has.has(name) || type.lacking.has(name)) return
      // A listener's are on their way.
      if (type !== cluster && !(type === this.types[short] && before.has(name))) return
      this.problems.push(`after ${short}, ${what} ${name}, which is not there`)
    }
    for (const [name, text] of listener.has) {
      const [, secretName = '', extensionName = ''] = namedBy(text)
      missing(`listener ${name} names secret`, secret, secretName)
      missing(`listener ${name} names extension`, extension, extensionName)
    }
    const replaced = this.cameBlind('extension')
    for (const [name, text] of route.has) {
      const [clusterName = '', part = ''] = namedBy(text)
      missing(`route ${name} names cluster`, cluster, clusterName)
      const isNew = short === 'route' && before.get(name) !== text
      for (const [extensionName, parts] of extension.has) {
        const had = short === 'extension' && before.get(extensionName)?.split(',').includes(part)
        if (replaced || parts.split(',').includes(part) || !(isNew || had)) continue
        if (extension.refused.has(extensionName)) continue
        this.problems.push(`after ${short}, route ${name} names ${part}, which ${extensionName} lacks`)
      }
      if (isNew && this.#warming.has(clusterName)) {
        this.problems.push(`route ${name} names cluster ${clusterName}, which still warms`)
      }
    }
  }
}

/** Clusters go when none of these needs them, as far as is known. */
const users: readonly ShortType[] = ['cluster', 'listener', 'route']

function noTypes(): Record<ShortType, ClientType> {
  return Object.fromEntries(
    types.map((short) => [
      short,
      {
        asked: false,
        everAsked: false,
        names: new Set<string>(),
        has: new Map<string, string>(),
        claims: new Map<string, string>(),
        version: '',
        nonce: '',
        refused: new Map<string, Set<string>>(),
        untold: new Set<string>(),
        lacking: new Set<string>(),
        stranded: new Set<string>(),
      },
    ]),
  ) as Record<ShortType, ClientType>
}
