import { type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { Observe, XdsRule } from '../observe.ts'
import { bounds, type RequestBudget, requestBudget } from './bounds.ts'
import type { Door } from './door.ts'
import { put } from './memory.ts'
import { type Denial, denial, type Pass, type Passes, passOf } from './pass.ts'
import { addressOf, networkOf } from './peer.ts'
import { Tally } from './tally.ts'

/** A call, as far as it shows who makes it. */
type Shower = Pick<ServerDuplexStream<unknown, unknown>, 'getPeer' | 'getAuthContext' | 'metadata'>

/** A stream of any service. */
interface Call extends Shower {
  once(event: 'cancelled', listener: () => void): unknown
  on(event: 'error', listener: (error: { code?: number }) => void): unknown
  emit(event: 'error', error: { code: status; details: string }): unknown
}

/** A call that may be served, as far as its credentials say. */
export interface Entered {
  /** Absent where none is asked for. */
  readonly pass: Pass | undefined
  /** Who its peer is counted as. */
  readonly network: string
  /** For requests of the stream, and of all of its peer's, those that it had before, too. */
  readonly budget: RequestBudget
}

/**
 * What every call passes before it is served, whatever its service: how many streams there are, and what it shows. Who shows
 * nothing good is told so, and loses its connection: the next one may bring another certificate.
 */
export class Entrance {
  readonly #passes: Passes | undefined
  readonly #door: Pick<Door, 'unverified' | 'drop'>
  readonly #observe: Observe
  readonly #tally = new Tally(bounds.streamsOfAddress, bounds.streams)
  readonly #budgets = new Map<string, RequestBudget>()

  constructor(passes: Passes | undefined, door: Pick<Door, 'unverified' | 'drop'>, observe: Observe) {
    this.#passes = passes
    this.#door = door
    this.#observe = observe
  }

  /** Counts the call until it is over; nothing where it was refused, and told so. */
  enter(call: Call): Entered | undefined {
    const peer = call.getPeer()
    const network = networkOf(addressOf(peer))
    const leave = this.#tally.enter(network)
    if (typeof leave === 'string') {
      const reason = `there are as many streams ${leave} as there may be`
      return this.#refuse(call, 'streams', status.RESOURCE_EXHAUSTED, reason)
    }
    call.once('cancelled', leave)
    call.on('error', ({ code }: { code?: number }) => {
      if (code !== status.UNAUTHENTICATED && code !== status.PERMISSION_DENIED) return
      call.once('cancelled', () => setTimeout(() => this.#door.drop(peer), bounds.partingMs).unref())
    })
    const counted = { network, budget: this.#budgetOf(network) }
    if (this.#passes === undefined) return { pass: undefined, ...counted }
    const pass = this.#shownBy(call, this.#passes)
    if (!('code' in pass)) return { pass, ...counted }
    return this.#refuse(call, 'credentials', status[pass.code], pass.message)
  }

  /** Why a call that is over at once may not speak for a gateway, if it may not. */
  denies(call: Shower, gateway: string, now: number): Denial | undefined {
    if (this.#passes === undefined) return undefined
    const pass = this.#shownBy(call, this.#passes)
    return 'code' in pass ? pass : denial(pass, gateway, now)
  }

  #shownBy(call: Shower, passes: Passes): Pass | Denial {
    const certificate = call.getAuthContext().sslPeerCertificate?.raw
    const unverified = this.#door.unverified(call.getPeer())
    return passOf({ metadata: call.metadata, certificate, unverified }, passes)
  }

  #budgetOf(network: string): RequestBudget {
    const { requestsPerSecondOfAddress, requestBurstOfAddress, addresses } = bounds
    const budget =
      this.#budgets.get(network) ?? requestBudget(requestsPerSecondOfAddress, requestBurstOfAddress)
    put(this.#budgets, network, budget, addresses)
    const own = requestBudget()
    return { take: (now) => own.take(now) && budget.take(now) }
  }

  #refuse(call: Call, rule: XdsRule, code: status, reason: string): undefined {
    this.#observe({ event: 'xds_refused', rule, peer: call.getPeer(), reason })
    call.emit('error', { code, details: reason })
  }
}
