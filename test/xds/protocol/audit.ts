import type { Protocol } from '../dialects.ts'
import type { Request, Said } from './client.ts'
import { includesAll, isWildcard, type ShortType, shortOf, type Texts } from './content.ts'
import type { Notes } from './notes.ts'

/** What the audits of one replica's streams share. */
export interface ReplicaView {
  readonly texts: () => Texts
  readonly now: () => number
  /**
   * What went out as versions of a whole type, to clients that want all of it: by type and version. And endpoints that were
   * accepted before others were refused: by type, name and text.
   */
  readonly heard: Set<string>
}

export interface StreamAuditOptions {
  readonly protocol: Protocol
  readonly replica: ReplicaView
  readonly notes: Notes
  /** What this client's versions mean, from whichever stream: by type, name and version, or type and version. */
  readonly meanings: Meanings
}

/** In the meaning of a version, a name of which nobody knows what the client has; other replicas cannot know such a version. */
export const open = '?'

/** A doubt about endpoints that are to follow their cluster. */
const afterCluster = 'after its cluster'

export interface Meanings {
  readonly texts: Map<string, string>
  readonly wholes: Map<string, ReadonlyMap<string, string>>
  /** Of types and versions, those with a step of growth. */
  readonly grown: Set<string>
  /** Everything that was said, for whoever reads a failure. */
  readonly log: string[]
}

interface Outstanding extends Said {
  /** What it changes of what the client is known to have. */
  readonly news: ReadonlyMap<string, string>
  readonly gone: readonly string[]
  /** Names that are not at what they are to be: the client keeps what it had, or hears that there is none. */
  readonly kept: ReadonlySet<string>
  /** Names that the client waited for. */
  readonly awaited: ReadonlySet<string>
  readonly grown: boolean
  /** What of extensions it led to. */
  readonly towards: ReadonlyMap<string, string>
}

interface AuditedType {
  wildcard: boolean
  readonly names: Set<string>
  /** What the client has by its own word: claimed, or acknowledged on this stream. An empty text is a known absence. */
  known: Map<string, string>
  /** Of that, what it acknowledged on this stream, or claimed when the replica knew what that is. */
  readonly told: Map<string, string>
  /** Names that were asked for since they were last sent. */
  readonly asked: Set<string>
  /** Names that were gone for a while, and that it may still have: they count as gone. */
  readonly untold: Set<string>
  /** It has a step of growth. What comes next may say the same in another order, in which the last one of its parts wins. */
  grown: boolean
  /** It waits for an answer, be it empty. */
  owed: boolean
  /** Nobody can tell what it has. */
  blind: boolean
  cameBlind: boolean
  outstanding: Outstanding | undefined
}

/**
 * Listens to one stream, in the order in which the server reads and writes, and notes what docs/architecture.md
 * ("Delivery") does not allow: a second response before the first is answered, a resource that the client acknowledged
 * (but for endpoints that follow a cluster), an old state, a refused version before its time, a removal of what is there.
 */
export class StreamAudit {
  readonly problems: string[] = []
  readonly #options: StreamAuditOptions
  readonly #types = new Map<ShortType, AuditedType>()
  /** Clusters that were sent before any endpoints were asked for. */
  readonly #unfollowed = new Set<string>()

  constructor(options: StreamAuditOptions) {
    this.#options = options
  }

  /**
   * The client refused a type of which a response holds everything, and came with a version of it that nobody here
   * knows: where it does not name what it refuses, the type stays as it was.
   */
  isStuck(short: ShortType): boolean {
    return this.#isWhole(short) && this.#options.notes.stuck.has(short)
  }

  /** It came with a version that nobody here knows: what it has is replaced at once, and not step by step. */
  cameBlind(short: ShortType): boolean {
    return this.#types.get(short)?.cameBlind === true
  }

  /** The server has read this. */
  request(request: Request): void {
    const {
      node: _,
      type_url,
      response_nonce = '',
      error_detail,
      ...rest
    } = request as Request & { node?: object }
    const answer =
      response_nonce === '' ? '' : `${error_detail === undefined ? 'ack' : 'nack'} ${response_nonce}`
    const words = Object.keys(rest).length === 0 ? '' : JSON.stringify(rest)
    this.#options.meanings.log.push(
      `> ${shortOf.get(type_url)} ${answer} ${error_detail?.message ?? ''} ${words}`,
    )
    const short = shortOf.get(request.type_url)!
    const type = this.#types.get(short)
    if (!this.#begun) this.#options.notes.back(this.#options.replica.now())
    if (type === undefined) {
      this.#open(short, request)
      return
    }
    const { outstanding } = type
    if (outstanding !== undefined && request.response_nonce === outstanding.nonce) {
      type.outstanding = undefined
      if (request.error_detail === undefined) this.#accepted(short, type, outstanding)
      else this.#refused(short, type, outstanding)
    }
    if (this.#options.protocol === 'delta') {
      this.#subscribe(short, type, request.resource_names_subscribe ?? [])
      this.#unsubscribe(short, type, request.resource_names_unsubscribe ?? [])
    } else if (!isWildcard(short)) {
      const names = new Set(request.resource_names ?? [])
      this.#subscribe(
        short,
        type,
        [...names].filter((name) => !type.names.has(name)),
      )
      this.#unsubscribe(
        short,
        type,
        [...type.names].filter((name) => !names.has(name)),
      )
    }
  }

  /** The server sends this. */
  response(said: Said): void {
    const { short } = said
    const all = [
      ...said.resources.map(({ name, text }) => `+${name}@${text}`),
      ...said.removed.map((name) => `-${name}`),
    ]
    this.#options.meanings.log.push(`< ${short} ${said.nonce} ${said.version} ${all.join(' ')}`)
    const type = this.#types.get(short)
    if (type === undefined) {
      this.problems.push(`${short} was sent, and never asked for`)
      return
    }
    if (type.outstanding !== undefined) this.problems.push(`a second ${short} response before an answer`)
    const whole = this.#isWhole(short)
    const content = new Map(said.resources.map(({ name, text }) => [name, text]))
    const news = new Map([...content].filter(([name, text]) => type.known.get(name) !== text))
    const gone = whole ? [...type.known.keys()].filter((name) => !content.has(name)) : said.removed
    for (const [name, text] of content) this.#checkText(short, type, name, text, news)
    for (const name of gone) this.#checkRemoval(short, type, name)
    this.#checkNeed(short, type, content, gone, news)
    const awaited = new Set(type.asked)
    for (const { name, version, text } of said.resources) {
      this.#options.meanings.texts.set(`${short} ${name} ${version}`, text)
      if (short === 'extension') this.#options.replica.heard.add(`extension ${version}`)
      for (const each of [type.asked, type.untold]) each.delete(name)
      if (short === 'cluster' && this.#mayBeNew(type, said, name, news)) this.#follow(name)
    }
    for (const name of gone) type.asked.delete(name)
    type.owed = false
    const grown = said.resources.some(({ name, text }) => this.#isGrown(short, name, text))
    type.outstanding = {
      ...said,
      news,
      gone,
      kept: new Set(said.resources.filter((each) => this.#isKept(short, each)).map(({ name }) => name)),
      awaited,
      grown,
      towards: this.#options.replica.texts().extension,
    }
    this.#noteVersion(short, type, said, content)
  }

  /** The replica has another state. By the state of the world nobody can be told that a named resource is gone. */
  published(): void {
    if (this.#options.protocol === 'delta') return
    for (const [short, type] of this.#types) {
      if (isWildcard(short)) continue
      for (const name of type.names)
        if (!this.#options.replica.texts()[short].has(name)) type.untold.add(name)
    }
  }

  /** Somebody wants what was refused to be sent again at once. */
  retry(): void {
    if (!this.#begun) return
    this.#options.notes.retryAll((short, name) => {
      const type = this.#types.get(short)
      return type !== undefined && this.#wants(type, name)
    })
  }

  /** The stream is over. */
  close(): void {
    const { notes, replica } = this.#options
    for (const [short, type] of this.#types) {
      if (type.outstanding !== undefined) this.#doubt(short, type, type.outstanding)
    }
    if (this.#begun) notes.left(replica.now())
  }

  /** The server knows of the stream. */
  get #begun(): boolean {
    return this.#types.size > 0
  }

  #open(short: ShortType, request: Request): void {
    const { protocol, notes, meanings, replica } = this.#options
    const subscribed = request.resource_names_subscribe ?? request.resource_names ?? []
    const wildcard = isWildcard(short) || (protocol === 'delta' && subscribed.length === 0)
    const type: AuditedType = {
      wildcard: wildcard && !request.resource_names_unsubscribe?.includes('*'),
      names: new Set(subscribed),
      known: new Map(),
      told: new Map(),
      asked: new Set(subscribed),
      untold: new Set(),
      grown: false,
      owed: wildcard,
      blind: false,
      cameBlind: false,
      outstanding: undefined,
    }
    this.#types.set(short, type)
    const claims = new Map<string, string>()
    for (const [name, version] of Object.entries(request.initial_resource_versions ?? {})) {
      claims.set(name, meanings.texts.get(`${short} ${name} ${version}`)!)
    }
    const grown = short === 'extension' ? Object.values(request.initial_resource_versions ?? {}) : []
    type.cameBlind = grown.some((version) => !replica.heard.has(`extension ${version}`))
    const version = request.version_info ?? ''
    const meant = meanings.wholes.get(`${short} ${version}`)
    if (version !== '') {
      const nothing = [...meant!.values()].every((text) => text === '')
      const knows = nothing || replica.heard.has(`${short} ${version}`) || this.#isTarget(short, type, meant!)
      type.blind = type.cameBlind = !knows
      if (knows) for (const [name, text] of meant!) claims.set(name, text)
    }
    type.grown = grown.some(isOfGrowth) || meanings.grown.has(`${short} ${version}`)
    if (claims.size > 0) type.owed = false
    for (const [name, text] of claims) {
      // That it was told of an absence it cannot claim.
      if (!this.#wants(type, name) || text === '' || text === open) continue
      type.known.set(name, text)
      if (replica.heard.has(`${short} ${name} ${text}`)) type.told.set(name, text)
      type.asked.delete(name)
      notes.claim(short, name, text)
    }
    if (short !== 'endpoints') return
    // It does not ask for clusters while one warms, and these endpoints may have come before their cluster. Nor does it tell
    // whether a cluster that came before on an earlier stream still waits for them.
    for (const name of type.names) {
      if (!this.#types.has('cluster') || notes.doubted(short, name, afterCluster)) type.asked.add(name)
    }
    for (const name of this.#unfollowed) this.#follow(name)
  }

  #isTarget(short: ShortType, type: AuditedType, meant: ReadonlyMap<string, string>): boolean {
    const target = [...this.#options.replica.texts()[short]].filter(([name]) => this.#wants(type, name))
    const held = [...meant].filter(([, text]) => text !== '')
    return target.length === held.length && target.every(([name, text]) => meant.get(name) === text)
  }

  #subscribe(_short: ShortType, type: AuditedType, names: readonly string[]): void {
    for (const name of names) {
      type.names.add(name)
      type.asked.add(name)
      type.known.delete(name)
    }
  }

  #unsubscribe(short: ShortType, type: AuditedType, names: readonly string[]): void {
    for (const name of names) {
      type.names.delete(name)
      type.asked.delete(name)
      this.#options.notes.giveUp(short, name, this.#options.replica.now())
      const had = type.known.has(name) || type.outstanding?.resources.some((each) => each.name === name)
      // By the state of the world it claims a version that has this, until it accepts another.
      if (this.#options.protocol === 'sotw' && had) this.#options.notes.doubt(short, name, '')
      type.known.delete(name)
    }
  }

  #accepted(short: ShortType, type: AuditedType, said: Outstanding): void {
    const { notes } = this.#options
    if (this.#isWhole(short)) {
      type.known = new Map(said.resources.map(({ name, text }) => [name, text]))
      type.blind = false
      for (const name of notes.doubtedNames(short)) notes.settle(short, name)
    }
    for (const { name, text } of said.resources) {
      notes.accept(short, name, this.#meant(said, name, text))
      if (!this.#wants(type, name)) continue
      if (short === 'extension') type.grown = said.grown
      if (type.asked.has(name)) continue
      type.known.set(name, text)
      type.told.set(name, text)
      notes.settle(short, name)
    }
    for (const name of said.gone) {
      if (!this.#wants(type, name) || type.asked.has(name)) continue
      if (!this.#isWhole(short)) type.known.set(name, '')
      notes.settle(short, name)
    }
  }

  #refused(short: ShortType, type: AuditedType, said: Outstanding): void {
    const { notes, replica } = this.#options
    if (type.blind) notes.stuck.add(short)
    const tried = this.#tried(type, said)
    const [first, ...others] = tried
    if (first !== undefined && others.length === 0) {
      if (this.#isRemembered(short, type, first[0]))
        replica.heard.add(`endpoints ${first[0]} ${type.known.get(first[0])}`)
      notes.refuse(short, first[0], this.#meant(said, first[0], first[1]), replica.now())
      // It waits still: for another version, or to hear that there is none.
      if (said.awaited.has(first[0])) type.asked.add(first[0])
      this.#doubtGone(short, said)
    } else if (first === undefined) {
      // What was removed is gone, whatever it refused.
      for (const name of said.gone) if (!this.#isWhole(short)) type.known.set(name, '')
    } else this.#doubt(short, type, said)
  }

  #tried(type: AuditedType, said: Outstanding): [string, string][] {
    const tried = said.resources.filter(({ name }) => {
      return !said.kept.has(name) && this.#mayBeNew(type, said, name, said.news)
    })
    return tried.map(({ name, text }) => [name, text])
  }

  #isKept(short: ShortType, { name, text }: Said['resources'][number]): boolean {
    return short !== 'extension' && text !== this.#options.replica.texts()[short].get(name)
  }

  /** By the state of the world, what is sent anew because it is in doubt is not told from what is merely kept. */
  #mayBeNew(type: AuditedType, { short }: Said, name: string, news: ReadonlyMap<string, string>): boolean {
    return !this.#isWhole(short) || news.has(name) || type.blind || this.#options.notes.doubted(short, name)
  }

  /** A refused step of growth is a refusal of what it grows towards. */
  #meant({ short, towards }: Outstanding, name: string, text: string): string {
    return short === 'extension' ? (towards.get(name) ?? text) : text
  }

  #doubt(short: ShortType, type: AuditedType, said: Outstanding): void {
    for (const [name, text] of this.#tried(type, said)) this.#options.notes.doubt(short, name, text)
    this.#doubtGone(short, said)
  }

  /** Of a whole type, what was in doubt before and is left out may be gone now, or not; of others, what was to stay as it was. */
  #doubtGone(short: ShortType, said: Outstanding): void {
    const { notes } = this.#options
    const named = new Set(said.resources.map(({ name }) => name))
    const leftOut = this.#isWhole(short) ? notes.doubtedNames(short).filter((name) => !named.has(name)) : []
    const kept = this.#isWhole(short) ? [] : said.kept
    for (const name of [...said.gone, ...leftOut, ...kept]) notes.doubt(short, name, '')
  }

  #follow(name: string): void {
    const endpoints = this.#types.get('endpoints')
    if (endpoints === undefined) this.#unfollowed.add(name)
    if (!endpoints?.names.has(name)) return
    endpoints.asked.add(name)
    this.#options.notes.doubt('endpoints', name, afterCluster)
  }

  /** It is what the replica has now, or leads there. */
  #checkText(
    short: ShortType,
    type: AuditedType,
    name: string,
    text: string,
    news: ReadonlyMap<string, string>,
  ): void {
    const target = this.#options.replica.texts()[short].get(name)
    const told = `${short} ${name} ${text}`
    if (!this.#wants(type, name)) this.problems.push(`${told}: sent, and not asked for`)
    const parked = this.#options.notes.parked(short, name)
    if (parked !== undefined && target !== undefined && parked.text === target && news.has(name)) {
      const leads = text === target || (short === 'extension' && includesAll(text, target))
      const standsIn = this.#isWhole(short) && type.known.get(name) === undefined
      const now = this.#options.replica.now()
      if (leads && !standsIn) {
        if (parked.retryAt > now) this.problems.push(`${told}: sent again ${parked.retryAt - now} ms early`)
        this.#options.notes.retried(short, name, now)
      }
    }
    if (text === target) return
    if (short === 'extension' && target !== undefined && includesAll(text, target)) return
    if (text === '' && short === 'endpoints' && this.#options.protocol === 'sotw') return
    if (type.known.get(name) === text || (this.#isWhole(short) && type.blind) || this.isStuck(short)) return
    this.problems.push(`${told}: sent, and the state is ${target ?? 'that there is none'}`)
  }

  #checkRemoval(short: ShortType, type: AuditedType, name: string): void {
    const target = this.#options.replica.texts()[short].get(name)
    if (target === undefined) return
    const parked = this.#options.notes.parked(short, name)?.text === target
    if (parked && type.asked.has(name) && !this.#isRemembered(short, type, name)) return
    this.problems.push(`${short} ${name}: removed, and the state is ${target}`)
  }

  /** Whether the replica can tell which endpoints it has, to send them once more where their next version is refused. */
  #isRemembered(short: ShortType, type: AuditedType, name: string): boolean {
    const text = type.known.get(name) ?? ''
    if (short !== 'endpoints' || text === '') return false
    return type.told.get(name) === text
  }

  /** Nothing is sent twice. */
  #checkNeed(
    short: ShortType,
    type: AuditedType,
    content: ReadonlyMap<string, string>,
    gone: readonly string[],
    news: ReadonlyMap<string, string>,
  ): void {
    const { notes } = this.#options
    const { asked, untold, blind } = type
    const excused = (name: string) => {
      return asked.has(name) || untold.has(name) || notes.doubted(short, name) || blind
    }
    if (this.#isWhole(short)) {
      const doubts = [...content.keys(), ...notes.doubtedNames(short)].some(excused)
      if (news.size + gone.length === 0 && !type.owed && !doubts && !this.isStuck(short))
        this.problems.push(`${short}: sent twice`)
      return
    }
    for (const [name, text] of content) {
      if (!news.has(name) && !excused(name) && !type.grown)
        this.problems.push(`${short} ${name} ${text}: sent twice`)
    }
    for (const name of gone) {
      const had = type.known.has(name) && type.known.get(name) !== ''
      if (!had && !excused(name)) this.problems.push(`${short} ${name}: removed, and it was not there`)
    }
    if (content.size + gone.length === 0 && !type.owed) this.problems.push(`${short}: an empty response`)
  }

  #noteVersion(
    short: ShortType,
    type: AuditedType,
    { version }: Said,
    content: ReadonlyMap<string, string>,
  ): void {
    if (this.#options.protocol === 'delta') return
    const { heard, texts } = this.#options.replica
    if (type.outstanding?.grown === true) this.#options.meanings.grown.add(`${short} ${version}`)
    const whole = new Map(this.#isWhole(short) ? [] : type.known)
    for (const [name, text] of content) whole.set(name, text)
    if (!this.#isWhole(short)) {
      for (const name of type.names) if (this.#isOpen(short, type, name, content)) whole.set(name, open)
    }
    this.#options.meanings.wholes.set(`${short} ${version}`, whole)
    if ([...texts()[short].keys()].every((name) => this.#wants(type, name))) heard.add(`${short} ${version}`)
  }

  /**
   * The client asked for it and has not got it yet, or it is in doubt (as is what is gone, for a client that came with
   * a version that nobody here knows), and this response says nothing of it.
   */
  #isOpen(short: ShortType, type: AuditedType, name: string, content: ReadonlyMap<string, string>): boolean {
    const { notes, replica } = this.#options
    const untold = !type.known.has(name) && (type.cameBlind || replica.texts()[short].has(name))
    return !content.has(name) && (untold || type.asked.has(name) || notes.doubted(short, name))
  }

  #isGrown(short: ShortType, name: string, text: string): boolean {
    return short === 'extension' && text !== this.#options.replica.texts()[short].get(name)
  }

  #isWhole(short: ShortType): boolean {
    return this.#options.protocol === 'sotw' && isWildcard(short)
  }

  #wants({ wildcard, names }: AuditedType, name: string): boolean {
    return wildcard || names.has(name)
  }
}

/** Versions that are published are texts. */
function isOfGrowth(version: string): boolean {
  return !version.includes(':')
}
