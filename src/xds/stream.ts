import { status } from '@grpc/grpc-js'
import type { Observe } from '../observe.ts'
import type { AdsRequest, AdsResponse, AdsStream, Answer } from './answer.ts'
import { bounds, requestBudget, type Violation } from './bounds.ts'
import type { AdsCall, Carrier } from './carrier.ts'
import type { Fleet, StreamHandle } from './fleet.ts'
import type { Admission, Gateways, Member } from './gateways.ts'
import { cut, forgetRead } from './grpc-call.ts'
import type { Memories, Seat } from './memories.ts'
import { type Identity, identify } from './node.ts'
import { Outlet } from './outlet.ts'
import type { Pace, Paced } from './pace.ts'
import type { RetryClock } from './retry.ts'
import { shortType } from './session.ts'
import type { Changes, Snapshot } from './snapshot.ts'

export interface StreamDependencies {
  readonly gateways: Gateways
  readonly fleet: Fleet
  readonly memories: Memories
  /** What the names of all streams take and may take. */
  readonly taken: { bytes: number; readonly limit: number }
  readonly observe: Observe
  readonly clock: RetryClock
  readonly pace: Pace
  /** Different for every stream of every server. */
  readonly noncePrefix: string
}

/**
 * Serves one gRPC call: awaits who it is, awaits its gateway, then carries messages between the call and an
 * `AdsStream`. Returns a function that ends the stream in a way that lets the Envoy reconnect elsewhere.
 */
export function serveStream<Request extends AdsRequest, Response extends AdsResponse>(
  call: AdsCall<Request>,
  carrier: Carrier<Request, Response>,
  dependencies: StreamDependencies,
): () => void {
  const { gateways, fleet, observe } = dependencies
  const peer = call.getPeer()
  let over = false
  let withdraw = () => {}
  let served: ServedStream<Request, Response> | undefined

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

  function admitted(first: Request, identity: Identity, admission: Admission): void {
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
    served = new ServedStream(call, carrier, identity, peer, admission.snapshot, dependencies, end)
    served.onRequest(first)
    call.resume()
  }

  const deadline = setTimeout(() => {
    end('INVALID_ARGUMENT', `the stream sent no request within ${bounds.firstRequestMs} ms`)
  }, bounds.firstRequestMs)

  call.on('data', (request: Request) => {
    if (over) return
    forgetRead(call)
    if (served !== undefined) {
      served.onRequest(request)
      return
    }
    clearTimeout(deadline)
    const identity = identify(request.node)
    if ('code' in identity) {
      observe({ event: 'xds_refused', peer, reason: identity.message })
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
class ServedStream<Request extends AdsRequest, Response extends AdsResponse> implements Member, Paced {
  readonly #outlet: Outlet
  readonly #carrier: Carrier<Request, Response>
  readonly #identity: Identity
  readonly #dependencies: StreamDependencies
  readonly #end: (code: Violation['code'], message: string) => void
  readonly #seat: Seat
  readonly #ads: AdsStream<Request, Response>
  readonly #handle: StreamHandle
  readonly #quit: () => void
  readonly #budget = requestBudget()
  readonly #sentAt = new Map<string, number>()
  #over = false
  #scheduled = false
  #bytes = 0
  /** The time for which a retry is arranged, and how to call it off. */
  #retryAt: number | undefined
  #cancelRetry = () => {}

  constructor(
    call: AdsCall<Request>,
    carrier: Carrier<Request, Response>,
    identity: Identity,
    peer: string,
    snapshot: Snapshot,
    dependencies: StreamDependencies,
    end: (code: Violation['code'], message: string) => void,
  ) {
    const { gateways, fleet, memories, observe } = dependencies
    this.#outlet = new Outlet((message, taken) => call.write(message, taken), dependencies.clock, {
      taken: () => this.#taken(),
      stuck: () => {
        end('RESOURCE_EXHAUSTED', `the client took nothing of a response for ${bounds.unreadMs} ms`)
        cut(call)
      },
    })
    this.#carrier = carrier
    this.#identity = identity
    this.#dependencies = dependencies
    this.#end = end
    this.#seat = memories.open(identity)
    const ads = carrier.open(snapshot, this.#seat.memory, dependencies.noncePrefix)
    this.#ads = ads
    this.#seat.doubtUnanswered = () => ads.session.close()
    this.#quit = gateways.join(identity.gateway, this)
    observe({ event: 'xds_connected', gateway: identity.gateway, node: identity.id, peer })
    this.#handle = fleet.connect(identity, peer, {
      protocol: carrier.protocol,
      revision: () => ads.session.snapshot.revision,
      types: () => ads.session.types(),
      delivery: () => ads.session.delivery(),
    })
  }

  get snapshot(): Snapshot {
    return this.#ads.session.snapshot
  }

  retarget(snapshot: Snapshot, changes: Changes): void {
    this.#ads.onSnapshot(snapshot, changes)
    this.#advance()
  }

  retry(): void {
    if (this.#ads.session.retry()) this.#schedule()
  }

  onRequest(request: Request): void {
    const answer = this.#ads.onRequest(request)
    if (answer.kind === 'violation') {
      this.#end(answer.code, answer.message)
      return
    }
    // Answers are paced by what is sent; only the rest can flood.
    if (answer.kind === 'none' && !this.#budget.take(this.#dependencies.clock.now())) {
      const message = `more than ${bounds.requestsPerSecond} requests per second that answer no response`
      this.#end('RESOURCE_EXHAUSTED', message)
      return
    }
    const { taken } = this.#dependencies
    if (this.#count() > 0 && taken.bytes > taken.limit) {
      this.#end('RESOURCE_EXHAUSTED', 'the streams of this weir ask for too many names; try again later')
      return
    }
    this.#note(answer)
    this.#schedule()
  }

  #schedule(): void {
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
    this.#outlet.close()
    this.#dependencies.pace.leave(this)
    this.#ads.session.close()
    this.#seat.leave()
    this.#dependencies.taken.bytes -= this.#bytes
    this.#cancelRetry()
    this.#quit()
    const { gateway, id: node } = this.#identity
    this.#dependencies.observe({ event: 'xds_disconnected', gateway, node, reason })
    this.#handle.left(reason)
  }

  /** Who joins waits for its turn; nobody else does. */
  #advance(): void {
    if (this.#over) return
    if (this.#ads.session.joins) this.#dependencies.pace.ready(this)
    else {
      this.#dependencies.pace.leave(this)
      this.serve()
    }
  }

  serve(): number {
    if (this.#over) return 0
    const before = this.#outlet.bytes
    if (this.#outlet.isFree) for (const response of this.#ads.advance()) this.#send(response)
    this.#count()
    this.#arrangeRetry()
    this.#handle.changed()
    return this.#outlet.bytes - before
  }

  #taken(): void {
    this.#dependencies.pace.taken(this)
    this.#advance()
  }

  /** Notes what this stream takes; returns by how much that has grown. */
  #count(): number {
    const grown = this.#ads.session.bytes - this.#bytes
    this.#bytes += grown
    this.#dependencies.taken.bytes += grown
    return grown
  }

  #arrangeRetry(): void {
    const { session } = this.#ads
    const { clock } = this.#dependencies
    const at = session.nextRetry()
    if (at === this.#retryAt) return
    this.#cancelRetry()
    this.#retryAt = at
    if (at === undefined) return
    this.#cancelRetry = clock.timer(Math.max(0, at - clock.now()), () => {
      this.#retryAt = undefined
      session.retryDue(clock.now())
      this.#advance()
    })
  }

  #send(response: Response): void {
    const message = this.#carrier.encode(response)
    const { gateway, id: node } = this.#identity
    const type = shortType(response.type)
    const { resources, removals: removed } = response
    const bytes = message.byteLength
    this.#dependencies.observe({ event: 'xds_sent', gateway, node, type, resources, removed, bytes })
    this.#sentAt.set(response.nonce, this.#dependencies.clock.now())
    this.#outlet.send(message)
  }

  #note(answer: Answer): void {
    if (answer.kind !== 'ack' && answer.kind !== 'nack') return
    this.#dependencies.pace.answered(this)
    const { gateway, id: node } = this.#identity
    const { observe, clock } = this.#dependencies
    const type = shortType(answer.type)
    const now = clock.now()
    const milliseconds = now - (this.#sentAt.get(answer.nonce) ?? now)
    this.#sentAt.delete(answer.nonce)
    if (answer.kind === 'ack') {
      observe({ event: 'xds_ack', gateway, node, type, revision: answer.revision, milliseconds })
    } else {
      observe({ event: 'xds_nack', gateway, node, type, resources: answer.resources, error: answer.error })
      this.#handle.nacked({ type, resources: answer.resources, error: answer.error })
    }
  }
}
