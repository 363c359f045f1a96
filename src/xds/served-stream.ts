import type { Observe } from '../observe.ts'
import type { AdsRequest, AdsResponse, AdsStream, Answer, Verdict } from './answer.ts'
import { bounds, floodMessage, type RequestBudget, type Violation } from './bounds.ts'
import type { AdsCall, Carrier } from './carrier.ts'
import { deviationsOf } from './drift.ts'
import type { Fleet } from './fleet.ts'
import type { Gateways, Member } from './gateways.ts'
import { cut } from './grpc-call.ts'
import type { Memories, Seat } from './memories.ts'
import type { Identity } from './node.ts'
import { Outlet } from './outlet.ts'
import type { Pace, Paced } from './pace.ts'
import type { Pass } from './pass.ts'
import type { RetryClock } from './retry.ts'
import type { RolloutNode } from './rollout.ts'
import type { Room } from './room.ts'
import { shortType } from './session.ts'
import type { Changes, Snapshot } from './snapshot.ts'
import type { StreamHandle } from './stream-view.ts'

export interface StreamDependencies {
  readonly gateways: Gateways
  readonly fleet: Fleet
  readonly memories: Memories
  /** What the names of all streams take, as far as this one's peer is concerned. */
  readonly taken: Room
  /** For requests that answer nothing, of the stream and of all streams of its peer. */
  readonly budget: RequestBudget
  readonly observe: Observe
  readonly judged: (verdict: Verdict) => void
  readonly clock: RetryClock
  readonly pace: Pace
  /** What the call showed; absent where nothing is asked for. */
  readonly pass: Pass | undefined
  /** Different for every stream of every server. */
  readonly noncePrefix: string
}

/** A stream whose node and gateway are known. */
export class ServedStream<Request extends AdsRequest, Response extends AdsResponse> implements Member, Paced {
  readonly #outlet: Outlet
  readonly #carrier: Carrier<Request, Response>
  readonly #identity: Identity
  readonly #dependencies: StreamDependencies
  readonly #end: (code: Violation['code'], message: string) => void
  readonly #seat: Seat
  readonly #ads: AdsStream<Request, Response>
  readonly #handle: StreamHandle
  readonly #quit: () => void
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
      snapshot: () => ads.session.snapshot,
      types: () => ads.session.types(),
      delivery: () => ads.session.delivery(),
      accepted: (type, name, version) => ads.session.accepted(type, name, version),
      deviations: () => deviationsOf(ads.session),
      progress: () => ads.session.progress(),
    })
  }

  get node(): RolloutNode {
    return this.#identity
  }

  get snapshot(): Snapshot {
    return this.#ads.session.snapshot
  }

  retarget(snapshot: Snapshot, changes: Changes): void {
    // What was answered in this tick was an answer to the snapshot before.
    if (this.#scheduled) this.#handle.changed()
    this.#ads.onSnapshot(snapshot, changes)
    this.#advance()
  }

  retry(): void {
    if (!this.#ads.session.retry()) return
    this.#handle.changed()
    this.#schedule()
  }

  onRequest(request: Request): void {
    const answer = this.#ads.onRequest(request)
    if (answer.kind === 'violation') {
      this.#end(answer.code, answer.message)
      return
    }
    // Answers are paced by what is sent; only the rest can flood.
    const { taken, budget, clock } = this.#dependencies
    if (answer.kind === 'none' && !budget.take(clock.now())) {
      this.#end('RESOURCE_EXHAUSTED', floodMessage)
      return
    }
    if (this.#count() > 0 && taken.isFull()) {
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
    if (this.#scheduled) this.#handle.changed()
    this.#over = true
    this.#outlet.close()
    this.#dependencies.pace.leave(this)
    this.#ads.session.close()
    this.#seat.leave()
    this.#dependencies.taken.add(-this.#bytes)
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
    this.#dependencies.taken.add(grown)
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
    const { observe, clock, judged } = this.#dependencies
    const type = shortType(answer.type)
    const now = clock.now()
    const milliseconds = now - (this.#sentAt.get(answer.nonce) ?? now)
    this.#sentAt.delete(answer.nonce)
    if (answer.kind === 'ack') {
      observe({ event: 'xds_ack', gateway, node, type, revision: answer.revision, milliseconds })
      judged({ gateway, type: answer.type })
    } else {
      observe({ event: 'xds_nack', gateway, node, type, resources: answer.resources, error: answer.error })
      this.#handle.nacked({ type, resources: answer.resources, error: answer.error })
      const { parked: resource = '', error } = answer
      const rejection = this.#seat.memory.rejection(answer.type, resource)
      if (rejection === undefined) return
      judged({ gateway, type: answer.type, refused: { node, resource, version: rejection.version, error } })
    }
  }
}
