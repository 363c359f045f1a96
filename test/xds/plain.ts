import type { EncodedResource } from '../../src/envoy-api/encoded.ts'
import { decode, encode } from '../../src/envoy-api/protos.ts'
import { type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import type { Answer } from '../../src/xds/answer.ts'
import { meantVersion } from '../../src/xds/growth.ts'
import { StreamMemory } from '../../src/xds/memory.ts'
import { changesBetween, type Snapshot } from '../../src/xds/snapshot.ts'
import { Versions } from '../../src/xds/versions.ts'
import { type Dialect, dialects, type Protocol, type Response } from './dialects.ts'

export type ShortType = keyof typeof typeUrls
/** Versions by name by type: all that the protocol looks at. */
export type VersionsByType = Partial<Record<ShortType, Record<string, string>>>

export function plainSnapshot(revision: number, versions: VersionsByType, gateway = 'edge'): Snapshot {
  const resources = new Map<TypeUrl, Map<string, EncodedResource>>()
  for (const [short, byName] of Object.entries(versions)) {
    const made = short === 'extension' ? extensions(byName) : plainResources(byName)
    resources.set(typeUrls[short as ShortType], made)
  }
  return { gateway, revision, resources }
}

export function plainResources(versions: Record<string, string>): Map<string, EncodedResource> {
  const encoded = Object.entries(versions).map(([name, version]) => {
    return [name, { name, version, any: encode('google.protobuf.Any', { type_url: 'plain' }) }] as const
  })
  return new Map(encoded)
}

/**
 * Extensions may have parts, which routes name. A version tells them: `a,b:1` has two, and `1` has none.
 */
function extensions(versions: Record<string, string>): Map<string, EncodedResource> {
  const encoded = Object.entries(versions).map(([name, version]) => {
    const [parts = '', rest] = version.split(':')
    const texts = rest === undefined ? [] : [...parts.split(','), `:${rest}`]
    const fields = texts.map((text) => Buffer.concat([Buffer.from([10, text.length]), Buffer.from(text)]))
    const typed_config = { type_url: 'plain', value: Buffer.concat(fields) }
    const value = encode('envoy.config.core.v3.TypedExtensionConfig', { name, typed_config })
    const any = encode('google.protobuf.Any', { type_url: typeUrls.extension, value })
    return [name, { name, version, any }] as const
  })
  return new Map(encoded)
}

/** The parts of an extension, be it one that was published or one that has grown. */
export function partsOf({ any }: Pick<EncodedResource, 'any'>): Set<string> {
  const { value } = decode('google.protobuf.Any', any) as { value?: Buffer }
  const { typed_config } = decode('envoy.config.core.v3.TypedExtensionConfig', value ?? Buffer.alloc(0))
  let rest = (typed_config as { value: Buffer } | undefined)?.value ?? Buffer.alloc(0)
  const parts = new Set<string>()
  while (rest.length > 0) {
    const end = 2 + rest[1]!
    parts.add(rest.subarray(2, end).toString())
    rest = rest.subarray(end)
  }
  return parts
}

/** What a response says, in short: `cluster +a@1 -b`; `+a@~2` has all of version 2 and of what was before it. */
export function told({ type, upserts, removed }: Response): string {
  const short = Object.entries(typeUrls).find(([, url]) => url === type)?.[0] ?? type
  const more = upserts.map((each) => {
    const version = meantVersion(each)
    return `+${each.name}@${version === each.version ? '' : '~'}${version}`
  })
  return [short, ...more, ...removed.map((name) => `-${name}`)].join(' ')
}

interface Ask {
  subscribe?: string[]
  unsubscribe?: string[]
  held?: Record<string, string>
}

/** A clock that stands at zero, and no chance. */
export const stillClock = { now: () => 0, random: () => 0.5 }

/** What outlives a stream. */
export interface Shared {
  readonly memory: StreamMemory
  readonly versions: Versions
}

/** A client that talks to a stream of either variant in short words, and remembers which response to answer. */
export class PlainClient {
  readonly shared: Shared
  readonly dialect: Dialect
  readonly #last = new Map<string, Response>()

  constructor(protocol: Protocol, snapshot: Snapshot, shared: Partial<Shared> = {}) {
    const { memory = new StreamMemory(stillClock), versions = new Versions() } = shared
    this.shared = { memory, versions }
    this.dialect = dialects[protocol]()
    this.dialect.connect(snapshot, this.shared, '')
  }

  get session() {
    return this.dialect.session
  }

  /** Each of these returns what the server sends because of it. */
  ask(type: ShortType | string, ask: Ask = {}): string[] {
    this.request(type, ask)
    return this.advance()
  }

  /** Only asks; the server looks at several requests at once when they come together. */
  request(type: ShortType | string, { subscribe = [], unsubscribe = [], held = {} }: Ask = {}): Answer {
    const url = urlOf(type)
    if (this.session.subscription(url) !== undefined) {
      return this.dialect.send(this.dialect.change(url, { subscribe, unsubscribe }))
    }
    const first = { subscribe, unsubscribe, held: plainResources(held) }
    return this.dialect.send(this.dialect.first(url, first))
  }

  ack(type: ShortType, also: Ask = {}): string[] {
    this.answer(type, also)
    return this.advance()
  }

  nack(type: ShortType, message = 'bad'): string[] {
    this.answer(type, {}, message)
    return this.advance()
  }

  answer(type: ShortType, { subscribe = [], unsubscribe = [] }: Ask = {}, error?: string): Answer {
    return this.dialect.send(this.dialect.answer(this.last(type), { subscribe, unsubscribe }, error))
  }

  /** The newest response of the type. */
  last(type: ShortType): Response {
    const response = this.#last.get(urlOf(type))
    if (response === undefined) throw new Error(`${type} was never sent`)
    return response
  }

  publish(snapshot: Snapshot): string[] {
    this.dialect.publish(snapshot, changesBetween(this.session.snapshot, snapshot))
    return this.advance()
  }

  advance(): string[] {
    const responses = this.dialect.advance()
    for (const response of responses) this.#last.set(response.type, response)
    return responses.map(told)
  }

  delivery(): string {
    return this.session.delivery().state
  }
}

function urlOf(type: string): string {
  return typeUrls[type as ShortType] ?? type
}
