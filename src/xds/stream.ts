import { type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { Observe } from '../observe.ts'
import { bounds, requestBudget, type Violation } from './bounds.ts'
import { type Answer, type DeltaRequest, type DeltaResponse, DeltaStream } from './delta.ts'
import type { Fleet, StreamHandle } from './fleet.ts'
import type { Admission, Gateways, Member } from './gateways.ts'
import { type Identity, identify } from './node.ts'
import { shortType } from './session.ts'
import type { Changes, Snapshot } from './snapshot.ts'
import { encodeDeltaResponse } from './wire.ts'

export type DeltaCall = ServerDuplexStream<DeltaRequest, Buffer>

export interface StreamDependencies {
  readonly gateways: Gateways
  readonly fleet: Fleet
  readonly observe: Observe
  /** Milliseconds; only differences count. */
  readonly now: () => number
  /** Different for every stream of every server. */
  readonly noncePrefix: string
}

/**
 * Serves one gRPC call: awaits who it is, awaits its gateway, then carries messages between the call and a
 * `DeltaStream`. Returns a function that ends the stream in a way that lets the Envoy reconnect elsewhere.
 */
export function serveDeltaStream(call: DeltaCall, dependencies: StreamDependencies): () => void {
  const { gateways, fleet, observe } = dependencies
  const peer = call.getPeer()
  let over = false
  let withdraw = () => {}
  let served: ServedStream | undefined

  function end(code: keyof typeof status, message: string): void {
    if (over) return
    leave(message)
    call.emit('error', { code: status[code], details: message })
  }

  function leave(reason: string): void {
    if (over) return
    over = true
    clearTimeout(deadline)
    withdraw()
    served?.left(reason)
  }

  function admitted(first: DeltaRequest, identity: Identity, admission: Admission): void {
    if (over) return
    if (admission === 'unknown') {
      const reason =
        `there is no gateway "${identity.gateway}": create it in weir, ` +
        'or correct node.metadata.gateway (else node.cluster) in the bootstrap'
      fleet.refuse(identity, peer, reason)
      observe({ event: 'xds_refused', gateway: identity.gateway, node: identity.id, peer, reason })
      end('NOT_FOUND', reason)
      return
    }
    served = new ServedStream(call, identity, peer, admission.snapshot, dependencies, end)
    served.onRequest(first)
    call.resume()
  }

  const deadline = setTimeout(() => {
    end('INVALID_ARGUMENT', `the stream sent no request within ${bounds.firstRequestMs} ms`)
  }, bounds.firstRequestMs)

  call.on('data', (request: DeltaRequest) => {
    if (over) return
    if (served !== undefined) {
      served.onRequest(request)
      return
    }
    clearTimeout(deadline)
    const identity = identify(request.node)
    if ('code' in identity) {
      observe({ event: 'xds_refused', gateway: '', node: '', peer, reason: identity.message })
      end(identity.code, identity.message)
      return
    }
    // Nothing more is read until the gateway is known.
    call.pause()
    withdraw = gateways.admit(identity.gateway, (admission) => admitted(request, identity, admission))
  })
  call.on('end', () => {
    leave('the client ended the stream')
    call.end()
  })
  call.on('cancelled', () => leave('the connection was lost'))
  call.on('error', () => leave('the stream failed'))

  return () => end('UNAVAILABLE', 'this weir is stopping; connect again')
}

/** A stream whose node and gateway are known. */
class ServedStream implements Member {
  readonly #call: DeltaCall
  readonly #identity: Identity
  readonly #dependencies: StreamDependencies
  readonly #end: (code: Violation['code'], message: string) => void
  readonly #delta: DeltaStream
  readonly #handle: StreamHandle
  readonly #quit: () => void
  readonly #budget = requestBudget()
  readonly #sentAt = new Map<string, number>()
  #over = false
  /** Messages that the connection has not taken yet; while there are any, nothing new is made. */
  #unwritten = 0
  #scheduled = false

  constructor(
    call: DeltaCall,
    identity: Identity,
    peer: string,
    snapshot: Snapshot,
    dependencies: StreamDependencies,
    end: (code: Violation['code'], message: string) => void,
  ) {
    const { gateways, fleet, observe } = dependencies
    this.#call = call
    this.#identity = identity
    this.#dependencies = dependencies
    this.#end = end
    const delta = new DeltaStream(snapshot, fleet.memory(identity), dependencies.noncePrefix)
    this.#delta = delta
    this.#quit = gateways.join(identity.gateway, this)
    observe({ event: 'xds_connected', gateway: identity.gateway, node: identity.id, peer })
    this.#handle = fleet.connect(identity, peer, {
      revision: () => delta.session.snapshot.revision,
      types: () => delta.session.types(),
      delivery: () => delta.session.delivery(),
    })
  }

  get snapshot(): Snapshot {
    return this.#delta.session.snapshot
  }

  retarget(snapshot: Snapshot, changes: Changes): void {
    this.#delta.onSnapshot(snapshot, changes)
    this.#advance()
  }

  onRequest(request: DeltaRequest): void {
    const answer = this.#delta.onRequest(request)
    if (answer.kind === 'violation') {
      this.#end(answer.code, answer.message)
      return
    }
    // Answers are paced by what is sent; only the rest can flood.
    if (answer.kind === 'none' && !this.#budget.take(this.#dependencies.now())) {
      const message = `more than ${bounds.requestsPerSecond} requests per second that answer no response`
      this.#end('RESOURCE_EXHAUSTED', message)
      return
    }
    this.#note(answer)
    // An Envoy asks for several types in a row: the answers are ordered when all of them are known.
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#advance()
    })
  }

  left(reason: string): void {
    this.#over = true
    this.#delta.session.close()
    this.#quit()
    const { gateway, id: node } = this.#identity
    this.#dependencies.observe({ event: 'xds_disconnected', gateway, node, reason })
    this.#handle.left(reason)
  }

  #advance(): void {
    if (this.#over) return
    if (this.#unwritten === 0) for (const response of this.#delta.advance()) this.#send(response)
    this.#handle.changed()
  }

  #send(response: DeltaResponse): void {
    const message = encodeDeltaResponse(response)
    const { gateway, id: node } = this.#identity
    const type = shortType(response.type)
    const [resources, removed, bytes] = [response.upserts.length, response.removed.length, message.length]
    this.#dependencies.observe({ event: 'xds_sent', gateway, node, type, resources, removed, bytes })
    this.#sentAt.set(response.nonce, this.#dependencies.now())
    this.#unwritten++
    this.#call.write(message, () => {
      this.#unwritten--
      if (this.#unwritten === 0) this.#advance()
    })
  }

  #note(answer: Answer): void {
    if (answer.kind !== 'ack' && answer.kind !== 'nack') return
    const { gateway, id: node } = this.#identity
    const { observe, now } = this.#dependencies
    const type = shortType(answer.type)
    const milliseconds = now() - (this.#sentAt.get(answer.nonce) ?? now())
    this.#sentAt.delete(answer.nonce)
    if (answer.kind === 'ack') {
      observe({ event: 'xds_ack', gateway, node, type, revision: answer.revision, milliseconds })
    } else {
      observe({ event: 'xds_nack', gateway, node, type, resources: answer.resources, error: answer.error })
      this.#handle.nacked({ type, resources: answer.resources, error: answer.error })
    }
  }
}
