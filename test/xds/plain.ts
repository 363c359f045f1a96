import type { EncodedResource } from '../../src/envoy-api/encoded.ts'
import { encode } from '../../src/envoy-api/protos.ts'
import { type TypeUrl, typeUrls } from '../../src/envoy-api/types.ts'
import { type Answer, type DeltaResponse, DeltaStream } from '../../src/xds/delta.ts'
import { StreamMemory } from '../../src/xds/memory.ts'
import { changesBetween, type Snapshot } from '../../src/xds/snapshot.ts'

export type ShortType = keyof typeof typeUrls
/** Versions by name by type: all that the protocol looks at. */
export type Versions = Partial<Record<ShortType, Record<string, string>>>

export function plainSnapshot(revision: number, versions: Versions, gateway = 'edge'): Snapshot {
  const resources = new Map<TypeUrl, Map<string, EncodedResource>>()
  for (const [short, byName] of Object.entries(versions)) {
    const encoded = Object.entries(byName).map(([name, version]) => {
      return [name, { name, version, any: encode('google.protobuf.Any', { type_url: 'plain' }) }] as const
    })
    resources.set(typeUrls[short as ShortType], new Map(encoded))
  }
  return { gateway, revision, resources }
}

/** What a response says, in short: `cluster +a@1 -b`. */
export function told(response: DeltaResponse): string {
  const short = Object.entries(typeUrls).find(([, url]) => url === response.type)?.[0] ?? response.type
  const upserts = response.upserts.map(({ name, version }) => `+${name}@${version}`)
  return [short, ...upserts, ...response.removed.map((name) => `-${name}`)].join(' ')
}

interface Ask {
  subscribe?: string[]
  unsubscribe?: string[]
  held?: Record<string, string>
}

/** A clock that stands at zero, and no chance. */
export const stillClock = { now: () => 0, random: () => 0.5 }

/** A client that talks to a `DeltaStream` in short words, and remembers which response to answer. */
export class PlainClient {
  readonly memory
  stream: DeltaStream
  readonly #last = new Map<string, DeltaResponse>()

  constructor(snapshot: Snapshot, memory = new StreamMemory(stillClock)) {
    this.memory = memory
    this.stream = new DeltaStream(snapshot, memory)
  }

  /** Each of these returns what the server sends because of it. */
  ask(type: ShortType | string, ask: Ask = {}): string[] {
    this.request(type, ask)
    return this.advance()
  }

  /** Only asks; the server looks at several requests at once when they come together. */
  request(type: ShortType | string, { subscribe, unsubscribe, held }: Ask = {}): void {
    this.stream.onRequest({
      type_url: urlOf(type),
      ...(subscribe && { resource_names_subscribe: subscribe }),
      ...(unsubscribe && { resource_names_unsubscribe: unsubscribe }),
      ...(held && { initial_resource_versions: held }),
    })
  }

  ack(type: ShortType, also: Ask = {}): string[] {
    this.answer(type, also)
    return this.advance()
  }

  nack(type: ShortType, message = 'bad'): string[] {
    this.answer(type, {}, message)
    return this.advance()
  }

  answer(type: ShortType, { subscribe, unsubscribe }: Ask = {}, error?: string): Answer {
    return this.stream.onRequest({
      type_url: urlOf(type),
      response_nonce: this.nonce(type),
      ...(subscribe && { resource_names_subscribe: subscribe }),
      ...(unsubscribe && { resource_names_unsubscribe: unsubscribe }),
      ...(error !== undefined && { error_detail: { code: 13, message: error } }),
    })
  }

  /** Of the newest response of the type. */
  nonce(type: ShortType): string {
    const response = this.#last.get(urlOf(type))
    if (response === undefined) throw new Error(`${type} was never sent`)
    return response.nonce
  }

  publish(snapshot: Snapshot): string[] {
    this.stream.onSnapshot(snapshot, changesBetween(this.stream.session.snapshot, snapshot))
    return this.advance()
  }

  advance(): string[] {
    const responses = this.stream.advance()
    for (const response of responses) this.#last.set(response.type, response)
    return responses.map(told)
  }

  delivery(): string {
    return this.stream.session.delivery().state
  }
}

function urlOf(type: string): string {
  return typeUrls[type as ShortType] ?? type
}
