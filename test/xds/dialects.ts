import type { EncodedResource } from '../../src/envoy-api/encoded.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import type { Answer } from '../../src/xds/answer.ts'
import { type DeltaRequest, DeltaStream } from '../../src/xds/delta.ts'
import { type Holdings, versionOf } from '../../src/xds/holdings.ts'
import { Interest } from '../../src/xds/interest.ts'
import type { NodeMemory } from '../../src/xds/memory.ts'
import type { Session } from '../../src/xds/session.ts'
import type { Changes, Snapshot } from '../../src/xds/snapshot.ts'
import { type SotwRequest, SotwStream } from '../../src/xds/sotw.ts'
import type { Versions } from '../../src/xds/versions.ts'

export const protocols = ['delta', 'sotw'] as const
export type Protocol = (typeof protocols)[number]

/** A response in words that both variants have: what is new to the client, and what it loses. */
export interface Response {
  readonly type: string
  readonly nonce: string
  readonly upserts: readonly EncodedResource[]
  readonly removed: readonly string[]
  /** Everything in it, in the state-of-the-world variant. */
  readonly content: readonly EncodedResource[]
  readonly version: string
}

export interface NameChange {
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
}

export type Request = DeltaRequest & SotwRequest

export interface FirstAsk extends NameChange {
  readonly held: ReadonlyMap<string, EncodedResource>
}

/**
 * The client's side of one variant, over one stream after the other: how it words a request, and how it reads a
 * response. A request that is made need not arrive.
 */
export interface Dialect {
  readonly session: Session
  send(request: Request): Answer
  connect(
    snapshot: Snapshot,
    shared: { readonly memory: NodeMemory; readonly versions: Versions },
    noncePrefix: string,
  ): void
  first(type: string, ask: FirstAsk): Request
  change(type: string, change: NameChange): Request
  answer(response: Response, change: NameChange, error?: string): Request
  /** The version of the whole type that a client of this variant claims when it comes back, if it claims one. */
  claimed(type: string): string
  publish(snapshot: Snapshot, changes: Changes): void
  advance(): Response[]
}

/** Types of which a state-of-the-world response holds everything. */
export function isWhole(type: string): boolean {
  return type === typeUrls.cluster || type === typeUrls.listener
}

/**
 * What a client of this variant can be told of `lines`, where `!a` is a name that it waits for and that does not
 * exist. By the state of the world, it cannot be told that a named resource is gone, and only of endpoints that
 * there are none.
 */
export function wordsOf(protocol: Protocol, lines: readonly string[]): string[] {
  const plain = (line: string) => line.replaceAll('!', '-')
  if (protocol === 'delta') return lines.map(plain)
  return lines.flatMap((line) => {
    const [type = '', ...words] = line.split(' ')
    if (type === 'cluster' || type === 'listener') return [plain(line)]
    const more = words
      .filter((word) => word.startsWith('+') || (word.startsWith('!') && type === 'endpoints'))
      .map(plain)
    return more.length === 0 ? [] : [[type, ...more].join(' ')]
  })
}

export const dialects: Record<Protocol, () => Dialect> = { delta: deltaDialect, sotw: sotwDialect }

function deltaDialect(): Dialect {
  let stream: DeltaStream
  const lists = ({ subscribe, unsubscribe }: NameChange): DeltaRequest => ({
    ...(subscribe.length > 0 && { resource_names_subscribe: subscribe }),
    ...(unsubscribe.length > 0 && { resource_names_unsubscribe: unsubscribe }),
  })
  return {
    get session() {
      return stream.session
    },
    connect(snapshot, { memory }, noncePrefix) {
      stream = new DeltaStream(snapshot, memory, noncePrefix)
    },
    send: (request) => stream.onRequest(request),
    first(type, { held, ...change }) {
      const versions = [...held.values()].map(({ name, version }) => [name, version] as const)
      const initial_resource_versions = Object.fromEntries(versions)
      return { type_url: type, ...lists(change), initial_resource_versions }
    },
    change: (type, change) => ({ type_url: type, ...lists(change) }),
    answer({ type, nonce }, change, error) {
      const refusal = error === undefined ? {} : { error_detail: { code: 13, message: error } }
      return { type_url: type, response_nonce: nonce, ...lists(change), ...refusal }
    },
    claimed: () => '',
    publish: (snapshot, changes) => stream.onSnapshot(snapshot, changes),
    advance: () => stream.advance().map((response) => ({ ...response, content: [], version: '' })),
  }
}

interface SotwType {
  readonly names: Set<string>
  /** Of the last response that was accepted, on whichever stream. */
  version: string
  /** Of the last response that was read, on this stream. */
  nonce: string
  /** What that version was, of a type of which a response holds everything. */
  has: readonly EncodedResource[]
}

function sotwDialect(): Dialect {
  let stream: SotwStream
  let sent: Versions
  const types = new Map<string, SotwType>()
  const typeOf = (type: string): SotwType => {
    const known = types.get(type) ?? { names: new Set<string>(), version: '', nonce: '', has: [] }
    types.set(type, known)
    return known
  }
  const change = ({ names }: SotwType, { subscribe, unsubscribe }: NameChange) => {
    for (const name of subscribe) names.add(name)
    for (const name of unsubscribe) names.delete(name)
  }
  const request = (type: string): SotwRequest => {
    const { names, version, nonce } = typeOf(type)
    return {
      type_url: type,
      ...(names.size > 0 && { resource_names: [...names] }),
      ...(version !== '' && { version_info: version }),
      ...(nonce !== '' && { response_nonce: nonce }),
    }
  }
  return {
    get session() {
      return stream.session
    },
    connect(snapshot, { memory, versions }, noncePrefix) {
      stream = new SotwStream(snapshot, memory, versions, noncePrefix)
      sent = versions
      for (const type of types.values()) type.nonce = ''
    },
    send: (request) => stream.onRequest(request),
    first(type, { held, ...names }) {
      const state = typeOf(type)
      change(state, names)
      if (held.size > 0 && state.version === '') {
        state.version = versionOfAll(held)
        state.has = [...held.values()]
        // The server sent it, so it knows what it is.
        sent.put(type, state.version, all(held), everyName())
      }
      return request(type)
    },
    change(type, names) {
      change(typeOf(type), names)
      return request(type)
    },
    answer({ type, nonce, version, content }, names, error) {
      const known = typeOf(type)
      change(known, names)
      known.nonce = nonce
      if (error === undefined) [known.version, known.has] = [version, content]
      const refusal = error === undefined ? {} : { error_detail: { code: 13, message: error } }
      return { ...request(type), ...refusal }
    },
    claimed: (type) => typeOf(type).version,
    publish: (snapshot, changes) => stream.onSnapshot(snapshot, changes),
    advance: () =>
      stream.advance().map((response) => {
        const { type, nonce, version, content } = response
        const difference = isWhole(type) ? differenceOf(typeOf(type).has, content) : parts(content)
        return { type, nonce, version, content, ...difference }
      }),
  }
}

/** The version that a server gives to exactly these. */
export function versionOfAll(resources: ReadonlyMap<string, EncodedResource>): string {
  return versionOf(all(resources), everyName())
}

/** The interest of a client that wants everything. */
export function everyName(): Interest {
  const interest = new Interest()
  interest.wildcard = true
  return interest
}

function all(base: ReadonlyMap<string, EncodedResource>): Holdings {
  return { base, exceptions: new Map() }
}

/** Endpoints without a version are none at all, in place of those that do not exist. */
function parts(content: readonly EncodedResource[]) {
  const upserts = content.filter(({ version }) => version !== '')
  return { upserts, removed: content.filter(({ version }) => version === '').map(({ name }) => name) }
}

function differenceOf(before: readonly EncodedResource[], after: readonly EncodedResource[]) {
  const had = new Map(before.map(({ name, version }) => [name, version]))
  const upserts = after.filter(({ name, version }) => had.get(name) !== version)
  const now = new Set(after.map(({ name }) => name))
  return { upserts, removed: [...had.keys()].filter((name) => !now.has(name)) }
}
