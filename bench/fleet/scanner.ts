/** What a simulated Envoy needs to know of a response; its resources are counted and forgotten. */
export interface Response {
  type: string
  version: string
  nonce: string
  resources: number
}

/** Field numbers of both variants (envoy/service/discovery/v3/discovery.proto). */
const field = { version: 1, resources: 2, type: 4, nonce: 5 } as const
const grpcHeadBytes = 5
/** Wire types (protobuf encoding, "Message structure"). */
const wire = { varint: 0, lengthDelimited: 2 } as const

type Step = 'head' | 'tag' | 'varint' | 'length' | 'skip' | 'text'

/**
 * Reads gRPC messages that are discovery responses, from pieces that end anywhere. Nothing of a resource is kept or even
 * looked at, so that what is measured is the server.
 */
export class Scanner {
  readonly #whole: (response: Response) => void
  #step: Step = 'head'
  #number = 0
  #shift = 0
  #head = 0
  /** Bytes that are left of the message, and of the field. */
  #message = 0
  #field = 0
  #tag = 0
  #text = ''
  #response = blank()

  constructor(whole: (response: Response) => void) {
    this.#whole = whole
  }

  push(bytes: Buffer, from: number, to: number): void {
    let at = from
    while (at < to) at = this.#step === 'head' ? this.#inHead(bytes, at) : this.#inMessage(bytes, at, to)
  }

  #inHead(bytes: Buffer, at: number): number {
    const byte = bytes[at]!
    if (this.#head > 0) this.#number = this.#number * 256 + byte
    else if (byte !== 0) throw new Error('a compressed message')
    this.#head++
    if (this.#head === grpcHeadBytes) {
      this.#message = this.#number
      this.#head = 0
      this.#next('tag')
      this.#endIfOver()
    }
    return at + 1
  }

  #inMessage(bytes: Buffer, at: number, to: number): number {
    if (this.#step === 'skip' || this.#step === 'text') {
      const end = Math.min(at + this.#field, to)
      if (this.#step === 'text') this.#text += bytes.toString('latin1', at, end)
      this.#field -= end - at
      this.#message -= end - at
      if (this.#field === 0) this.#endField()
      return end
    }
    const byte = bytes[at]!
    this.#message--
    this.#number += (byte & 0x7f) * 2 ** this.#shift
    this.#shift += 7
    if (byte < 0x80) this.#endNumber()
    return at + 1
  }

  #endNumber(): void {
    const number = this.#number
    if (this.#step === 'tag') {
      this.#tag = number >> 3
      const type = number & 7
      if (type !== wire.varint && type !== wire.lengthDelimited) throw new Error(`wire type ${type}`)
      this.#next(type === wire.varint ? 'varint' : 'length')
    } else if (this.#step === 'varint') this.#endField()
    else {
      this.#field = number
      const isText = this.#tag === field.version || this.#tag === field.type || this.#tag === field.nonce
      this.#next(isText ? 'text' : 'skip')
      if (number === 0) this.#endField()
    }
  }

  #endField(): void {
    const response = this.#response
    if (this.#tag === field.version) response.version = this.#text
    else if (this.#tag === field.type) response.type = this.#text
    else if (this.#tag === field.nonce) response.nonce = this.#text
    else if (this.#tag === field.resources) response.resources++
    this.#text = ''
    this.#next('tag')
    this.#endIfOver()
  }

  #endIfOver(): void {
    if (this.#message > 0) return
    const response = this.#response
    this.#response = blank()
    this.#next('head')
    this.#whole(response)
  }

  #next(step: Step): void {
    this.#step = step
    this.#number = 0
    this.#shift = 0
  }
}

function blank(): Response {
  return { type: '', version: '', nonce: '', resources: 0 }
}
