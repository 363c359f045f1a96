import { once } from 'node:events'
import type { EncodedResource } from '../../../src/envoy-api/encoded.ts'
import { encode } from '../../../src/envoy-api/protos.ts'
import { openAdsStream } from '../../support/ads-client.ts'
import type { Client, Request, Said } from './client.ts'
import type { Happened } from './happened.ts'
import { saidBy } from './said.ts'

/** Of a type that nobody else asks for, and that comes after all others. */
const fenceName = 'Fence'
export const fenceType = `type.googleapis.com/weir.test.${fenceName}`
const names = ['even', 'odd'] as const
export const fences: ReadonlyMap<string, EncodedResource> = new Map(
  names.map((name) => {
    const any = encode('google.protobuf.Any', { type_url: fenceType, value: Buffer.alloc(0) })
    return [name, { name, version: '1', any }]
  }),
)

/** A client's end of an ADS stream over gRPC, which begins with the first request. It reads whatever comes at once. */
export class SocketStream {
  readonly #port: number
  readonly #happened: Happened
  readonly #client: Pick<Client, 'protocol' | 'id'>
  readonly #hear: (said: Said) => void
  #ads: ReturnType<typeof openAdsStream> | undefined
  #failed: Promise<never> | undefined
  #fences = 0
  /** How a request refers to the last response of this type. */
  #lastFence = {}

  constructor(
    port: number,
    happened: Happened,
    client: Pick<Client, 'protocol' | 'id'>,
    hear: (said: Said) => void,
  ) {
    this.#port = port
    this.#happened = happened
    this.#client = client
    this.#hear = hear
  }

  send(request: Request): void {
    const node = { id: this.#client.id, cluster: 'edge' }
    if (this.#ads !== undefined) this.#ads.send({ ...request })
    else this.#open().send({ ...request, node })
  }

  /**
   * All that follows from what the server was told before has been heard: it is asked for a resource that goes out after all
   * others, and acknowledges to have read the answer, so that nothing of this is on its way, either.
   */
  async fence(): Promise<void> {
    const [wanted, other] = this.#fences++ % 2 === 0 ? names : ([names[1], names[0]] as const)
    const isDelta = this.#client.protocol === 'delta'
    const all = isDelta ? {} : { resource_names: [wanted] }
    const news = isDelta ? { resource_names_subscribe: [wanted], resource_names_unsubscribe: [other] } : all
    const answered = once(this.#ads!.call, fenceName)
    this.#ads!.send({ type_url: fenceType, ...this.#lastFence, ...news })
    await this.#unlessFailed(answered)
    const acknowledged = this.#happened.ack(this.#client.id, fenceName)
    this.#ads!.send({ type_url: fenceType, ...this.#lastFence, ...all })
    await this.#unlessFailed(acknowledged)
  }

  /** Fulfilled when the server has noticed. */
  async close(): Promise<void> {
    if (this.#ads === undefined) return
    const left = this.#happened.left(this.#client.id)
    this.cut()
    await left
  }

  cut(): void {
    this.#ads?.close()
  }

  #open(): ReturnType<typeof openAdsStream> {
    const ads = openAdsStream(this.#port, this.#client.protocol)
    ads.call.on('data', (wire: Record<string, unknown>) => {
      if (wire.type_url !== fenceType) this.#hear(saidBy(this.#client.protocol, wire))
      else {
        const { nonce, version_info } = wire
        this.#lastFence = { response_nonce: nonce, ...(version_info !== undefined && { version_info }) }
        ads.call.emit(fenceName)
      }
    })
    this.#failed = ads.failure.then(({ details }) => Promise.reject(new Error(details)))
    this.#failed.catch(() => {})
    this.#ads = ads
    return ads
  }

  async #unlessFailed(done: Promise<unknown>): Promise<void> {
    await Promise.race([done, this.#failed])
  }
}
