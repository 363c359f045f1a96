import { Answers } from './answers.ts'
import type { SlowReader } from './backlogs.ts'
import type { ConnectionRule } from './bounds.ts'
import { Control } from './control.ts'
import { Floods } from './floods.ts'
import { FrameReader } from './frame-reader.ts'
import { drainPing, FrameRouter } from './frame-router.ts'
import { writeFrame, writeGoaway } from './frame-writer.ts'
import { errorCode, frameType, maxStreamId } from './frames.ts'
import type { Host } from './host.ts'
import { Keepalive } from './keepalive.ts'
import { Outlet } from './outlet.ts'
import { Output } from './output.ts'
import { Requests } from './requests.ts'
import { countRule, type Shared } from './shared.ts'
import { Streams } from './streams.ts'
import { Violation } from './violation.ts'

const idlePing = Buffer.from('are you?', 'latin1')

/**
 * The server's side of one HTTP/2 connection (RFC 9113), without a socket: it is fed with bytes and the time, and hands bytes
 * to its host. Times are milliseconds of a clock that never goes back.
 *
 * `open` -> `leaving` (GOAWAY was sent, which names no stream) -> `left` (it names the last one; no new streams) -> `ended`. A
 * Violation leads from anywhere to `ended`, where nothing is read any more.
 */
export class Connection implements SlowReader {
  state: 'open' | 'leaving' | 'left' | 'ended' = 'open'
  readonly #shared: Shared
  readonly #host: Host
  readonly #reader = new FrameReader()
  readonly #output: Output
  readonly #answers: Answers
  readonly #outlet: Outlet
  readonly #streams: Streams
  readonly #floods: Floods
  readonly #requests: Requests
  readonly #control: Control
  readonly #router: FrameRouter
  readonly #openedAt: number
  readonly #keepalive: Keepalive
  /** The last stream that a GOAWAY has named, which a later one may not go beyond (RFC 9113 section 6.8). */
  #lastNamed = maxStreamId

  constructor(shared: Shared, host: Host, now: number) {
    this.#shared = shared
    this.#host = host
    this.#openedAt = now
    this.#keepalive = new Keepalive(shared.bounds, now)
    this.#output = new Output(shared.slabs)
    this.#answers = new Answers(this.#output)
    this.#outlet = new Outlet(shared, host, this.#output, this.#answers, this)
    this.#floods = new Floods(shared.bounds)
    this.#streams = new Streams(shared, this.#output, this.#answers, this.#floods, () => host.later())
    this.#requests = new Requests(shared, this.#output, this.#floods, this.#streams)
    this.#control = new Control(this.#output, this.#answers, this.#floods, this.#streams)
    this.#router = new FrameRouter(shared.counts, this.#requests, this.#control, this.#floods, () =>
      this.#leave(),
    )
    host.send(shared.greeting)
  }

  /** Takes what was read: parses all of it, then hands over the calls that are complete, then sends what is ready. */
  receive(chunk: Buffer, now: number): void {
    if (this.state === 'ended') return
    this.#requests.now = now
    this.#keepalive.heardAt = now
    this.#floods.roll(now)
    try {
      this.#reader.read(chunk, this.#router, now)
    } catch (error) {
      this.#fail(error)
    }
    this.#streams.calls.handOver()
    this.#flush()
  }

  /** Answers the calls whose promises have settled. */
  answerSettled(): void {
    this.#streams.calls.answerSettled()
    if (this.state !== 'ended') this.#flush()
  }

  /** What is bounded in time; call it several times a second. */
  tick(now: number): void {
    const { prefaceMs, frameMs, requestMs } = this.#shared.bounds
    const { blocks } = this.#requests
    if (this.#outlet.rest(now) > requestMs) this.cutSlow()
    if (this.state === 'ended') return
    this.#streams.tick(now)
    if (!this.#control.settled && now - this.#openedAt > prefaceMs) this.#failLate('preface_timeout')
    else if (now - this.#reader.partialSince > frameMs) this.#failLate('frame_timeout')
    else if (blocks.openStream !== 0 && now - blocks.openedAt > frameMs) this.#failLate('frame_timeout')
    else this.#keepAlive(now)
    this.#flush()
  }

  #keepAlive(now: number): void {
    const due = this.#keepalive.due(now)
    if (due === 'ask') writeFrame(this.#output, frameType.ping, 0, 0, idlePing)
    else if (due === 'give_up') this.#failLate('keepalive_timeout')
  }

  /** When anything came last. */
  get heardAt(): number {
    return this.#keepalive.heardAt
  }

  get idle(): boolean {
    return this.state !== 'ended' && this.#streams.table.size === 0
  }

  /** Another connection needs its place. */
  makeRoom(): void {
    this.#cut('connections')
    this.#writeGoaway(errorCode.none, '')
    this.#outlet.send()
    this.#host.destroy()
  }

  /**
   * Begins to leave (RFC 9113 section 6.8): the peer learns by a GOAWAY that names no stream yet that it should go elsewhere.
   * Its acknowledgement of a PING says that it knows, and that all that it had begun before is here.
   */
  drain(): void {
    if (this.state !== 'open') return
    this.state = 'leaving'
    writeGoaway(this.#output, maxStreamId, errorCode.none, '')
    writeFrame(this.#output, frameType.ping, 0, 0, drainPing)
    this.#flush()
  }

  #leave(): void {
    if (this.state !== 'leaving') return
    this.state = 'left'
    this.#streams.refusing = true
    this.#writeGoaway(errorCode.none, '')
  }

  /** The socket is gone. */
  abandon(): void {
    this.#end()
    this.#streams.calls.handOver()
  }

  #failLate(rule: ConnectionRule): void {
    this.#fail(new Violation(errorCode.enhanceYourCalm, rule, rule))
  }

  #fail(error: unknown): void {
    if (error instanceof Violation) {
      this.#cut(error.rule)
      this.#writeGoaway(error.code, error.message)
    } else {
      this.#shared.observe({ event: 'failed', where: 'grpc-lane', error })
      this.#cut('internal')
      this.#writeGoaway(errorCode.internal, 'internal error')
    }
  }

  /** Names the last stream that was looked at. */
  #writeGoaway(code: number, message: string): void {
    this.#lastNamed = Math.min(this.#lastNamed, this.#streams.table.lastId)
    writeGoaway(this.#output, this.#lastNamed, code, message)
  }

  #cut(rule: ConnectionRule): void {
    countRule(this.#shared.counts, rule)
    this.#shared.observe({ event: 'lane_cut', rule, peer: this.#host.peer })
    this.#end()
  }

  cutSlow(): void {
    this.#cut('slow_reader')
    this.#host.destroy()
  }

  #end(): void {
    this.state = 'ended'
    this.#streams.abandon()
    this.#outlet.forget()
  }

  /** Sends what is ready. */
  #flush(): void {
    if (this.state !== 'ended') this.#answers.pump(this.#streams)
    this.#outlet.send()
    if (this.state === 'ended') this.#host.end(true)
    else this.#outlet.measure()
    if (this.#isLeft() && this.#streams.table.size === 0) this.#part()
  }

  /** The peer learns which of its requests were looked at, also where it was the first to leave. */
  #part(): void {
    if (this.state !== 'left') this.#writeGoaway(errorCode.none, '')
    this.state = 'ended'
    this.#outlet.send()
    this.#host.end(false)
  }

  #isLeft(): boolean {
    return this.state !== 'ended' && (this.state === 'left' || this.#control.peerLeaves)
  }
}
