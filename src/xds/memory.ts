import { bounds } from './bounds.ts'
import { Recent } from './recent.ts'
import { type RetryClock, retryDelay } from './retry.ts'

/** A version of a resource that one Envoy refused, and why. */
export interface Rejection {
  readonly version: string
  readonly error: string
  /** How often it was sent and not accepted. */
  readonly attempts: number
  /** When it is to be tried again, in milliseconds since 1970. */
  readonly retryAt: number
}

/** What is known of one Envoy beyond its stream, because the Envoy itself will not say it when it comes back. */
export interface NodeMemory {
  /** What was in use lately, with anybody. */
  readonly recent: Recent
  /** It gets its clusters from here, even if it has not asked on its newest stream yet. */
  askedForClusters: boolean
  /** Nothing was refused, and nothing is in doubt. */
  readonly blank: boolean
  /** The version of this resource that is not to be sent again before its time. */
  rejection(type: string, name: string): Rejection | undefined
  reject(type: string, name: string, refused: Pick<Rejection, 'version' | 'error'>): void
  /** The rejected version is sent once more. Counted now, for an Envoy that dies of it gives no answer. */
  retried(type: string, name: string): void
  /** What was refused counts no longer, but for what is to be kept. */
  forgetRejections(keep: (type: string, name: string) => boolean): void
  /** This version was accepted after all. */
  accepted(type: string, name: string, version: string): void
  /**
   * This version was sent (or a removal, the empty version), and refused among others or never answered. If the
   * Envoy does not claim it, it may still have applied it: a NACKed response is applied in part, and the versions
   * that are claimed then are the old ones. Without a version, and when several are in doubt, no claim settles it.
   */
  doubt(type: string, name: string, version?: string): void
  /** Whether it is in doubt; with `but`, whether the client may have another version than this. */
  doubted(type: string, name: string, but?: string): boolean
  doubts(type: string): [name: string, version: string | undefined][]
  settle(type: string, name: string): void
}

/** What all memories together may take; `over` tells whether one that wants more must give up something first. */
export interface Room {
  take(bytes: number): void
  over(): boolean
}

type Clock = Pick<RetryClock, 'now' | 'random'>

const unlimited: Room = { take: () => {}, over: () => false }

/** The memory of one stream, within `bounds.memoryBytesPerNode` and `room`: what was noted first gives way. */
export class StreamMemory implements NodeMemory {
  askedForClusters = false
  readonly recent: Recent
  readonly #clock: Clock
  readonly #room: Room
  /** By type and name, with a space between. */
  readonly #rejections = new Map<string, Rejection>()
  readonly #doubts = new Map<string, string | undefined>()
  #bytes: number = bounds.memoryNodeBytes

  constructor(clock: Clock, room: Room = unlimited, recent = new Recent()) {
    this.#clock = clock
    this.recent = recent
    this.#room = room
    room.take(this.#bytes)
  }

  get bytes(): number {
    return this.#bytes
  }

  get blank(): boolean {
    return this.#rejections.size + this.#doubts.size === 0
  }

  rejection(type: string, name: string): Rejection | undefined {
    if (this.#rejections.size === 0) return undefined
    return this.#rejections.get(`${type} ${name}`)
  }

  reject(type: string, name: string, { version, error }: Pick<Rejection, 'version' | 'error'>): void {
    const before = this.rejection(type, name)
    const attempts = before?.version === version ? before.attempts : 1
    this.#putRejection(`${type} ${name}`, { version, error, attempts, retryAt: this.#retryAt(attempts) })
  }

  retried(type: string, name: string): void {
    const before = this.rejection(type, name)
    if (before === undefined) return
    const attempts = before.attempts + 1
    this.#putRejection(`${type} ${name}`, { ...before, attempts, retryAt: this.#retryAt(attempts) })
  }

  accepted(type: string, name: string, version: string): void {
    if (this.rejection(type, name)?.version === version) this.#dropRejection(`${type} ${name}`)
  }

  doubt(type: string, name: string, version?: string): void {
    this.#putDoubt(`${type} ${name}`, version)
  }

  doubted(type: string, name: string, but?: string): boolean {
    if (this.#doubts.size === 0) return false
    const key = `${type} ${name}`
    return this.#doubts.has(key) && (but === undefined || this.#doubts.get(key) !== but)
  }

  doubts(type: string): [string, string | undefined][] {
    const prefix = `${type} `
    return [...this.#doubts].flatMap(([key, version]): [string, string | undefined][] => {
      return key.startsWith(prefix) ? [[key.slice(prefix.length), version]] : []
    })
  }

  settle(type: string, name: string): void {
    if (this.#doubts.size > 0) this.#dropDoubt(`${type} ${name}`)
  }

  /** Takes over what another stream of the node had in doubt. */
  absorbDoubts(other: StreamMemory): void {
    this.askedForClusters ||= other.askedForClusters
    for (const [key, version] of other.#doubts) this.#putDoubt(key, version)
  }

  absorbRejections(other: StreamMemory): void {
    for (const [key, rejection] of other.#rejections) this.#putRejection(key, rejection)
  }

  forgetRejections(keep: (type: string, name: string) => boolean): void {
    for (const key of [...this.#rejections.keys()]) {
      const space = key.indexOf(' ')
      if (!keep(key.slice(0, space), key.slice(space + 1))) this.#dropRejection(key)
    }
  }

  /** Nobody needs it any more: what it took is given back. */
  release(): void {
    this.#rejections.clear()
    this.#doubts.clear()
    this.#take(-this.#bytes)
  }

  #retryAt(attempts: number): number {
    return this.#clock.now() + retryDelay(attempts, this.#clock.random())
  }

  #putRejection(key: string, rejection: Rejection): void {
    this.#dropRejection(key)
    this.#rejections.set(key, rejection)
    this.#take(rejectionBytes(key, rejection))
    this.#makeRoom()
  }

  #putDoubt(key: string, version: string | undefined): void {
    const several = this.#doubts.has(key) && this.#doubts.get(key) !== version
    const doubtful = several ? undefined : version
    this.#dropDoubt(key)
    this.#doubts.set(key, doubtful)
    this.#take(doubtBytes(key, doubtful))
    this.#makeRoom()
  }

  #dropRejection(key: string): void {
    const found = this.#rejections.get(key)
    if (found === undefined) return
    this.#rejections.delete(key)
    this.#take(-rejectionBytes(key, found))
  }

  #dropDoubt(key: string): void {
    const version = this.#doubts.get(key)
    if (this.#doubts.delete(key)) this.#take(-doubtBytes(key, version))
  }

  #take(bytes: number): void {
    this.#bytes += bytes
    this.#room.take(bytes)
  }

  /** A rejection that is forgotten costs one more refusal, a doubt that is forgotten may leave an Envoy wrong. */
  #makeRoom(): void {
    while (this.#bytes > bounds.memoryBytesPerNode || this.#room.over()) {
      const rejection = this.#rejections.keys().next()
      const doubt = this.#doubts.keys().next()
      if (!rejection.done) this.#dropRejection(rejection.value)
      else if (!doubt.done) this.#dropDoubt(doubt.value)
      else return
    }
  }
}

function rejectionBytes(key: string, { version, error }: Rejection): number {
  return bounds.memoryEntryBytes + key.length + version.length + error.length
}

function doubtBytes(key: string, version = ''): number {
  return bounds.memoryEntryBytes + key.length + version.length
}

/** Sets a key, makes it the newest, and drops the oldest beyond `limit` (maps keep the order of insertion). */
export function put<V>(map: Map<string, V>, key: string, value: V, limit: number): V | undefined {
  map.delete(key)
  map.set(key, value)
  if (map.size <= limit) return undefined
  const [oldest, dropped] = map.entries().next().value!
  map.delete(oldest)
  return dropped
}
