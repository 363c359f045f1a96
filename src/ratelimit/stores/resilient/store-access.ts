import { messageOf } from '../../../errors.ts'
import type { Observe } from '../../../observe.ts'
import type { Micros } from '../../algorithms/algorithm.ts'
import type { Clocks } from '../../clock.ts'
import type { Answer, Hit, Taken } from '../counter-store.ts'
import type { RedisLink } from '../redis/link.ts'
import type { Script } from '../redis/scripts.ts'
import { Circuit, type CircuitOptions, type Rung } from './circuit.ts'
import { type ClockReading, ClockSkew, type ClocksState } from './clock-skew.ts'
import { Deadlines } from './deadlines.ts'
import { type FailureKind, failureKind } from './failure.ts'
import { beat } from './heartbeat.ts'
import { type Ledger, MergeRefused } from './ledger.ts'
import { areOthersReady, type Members, placeOf } from './members.ts'
import { readClocks } from './read-clocks.ts'
import type { Place } from './shares.ts'
import { overAdmission, whyNot } from './store-state.ts'
import type { StoreTime } from './store-time.ts'

export interface StoreAccessOptions {
  id: string
  link: RedisLink
  /** That of the signs of life. */
  script: Script
  clocks: Clocks
  time: StoreTime
  ledger: Ledger
  observe: Observe
  timeoutMs: number
  heartbeatMs: number
  /** Whether it is in the record of the replicas. */
  isReplica: boolean
  /** Reads the counters of the request that failed: a probe has to reach them, too. */
  look(hits: readonly Hit[]): Answer<Taken>
  /** Rejects with the commands that requests need and the store's user may not run there; without hits, anywhere. */
  tryCommands(hits: readonly Hit[]): Promise<void>
  circuit: CircuitOptions
  onPlace(place: Place | undefined): void
}

/** Between signs of life while replicas wait for each other, in milliseconds. */
const hurriedMs = 100
/** The longest that a sign of life may take while the store is not away, in milliseconds. */
const patienceMs = 500

/** Whether the store is asked: the circuit with its bounds, probes and signs of life. */
export interface StoreAccess {
  readonly circuit: Circuit
  readonly started: Promise<void>
  /** The answer of the store to a request. Rejects at the bound, and where it failed. */
  bounded<T>(answer: Promise<T>, hits: readonly Hit[]): Promise<T>
  known(): { members: Members | undefined; place: Place | undefined; clocks: ClocksState }
  close(): Promise<void>
}

export function createStoreAccess(options: StoreAccessOptions): StoreAccess {
  const {
    id,
    link,
    script,
    clocks,
    time,
    ledger,
    observe,
    timeoutMs,
    heartbeatMs,
    isReplica,
    look,
    tryCommands,
    onPlace,
  } = options
  const milliseconds = () => clocks.monotonic() / 1_000
  const circuit = new Circuit(milliseconds(), options.circuit)
  const deadlines = new Deadlines(timeoutMs)
  /** Nobody waits for a sign of life: one that is late says nothing of what a request would wait. */
  const signs = new Deadlines(Math.max(timeoutMs, patienceMs))
  const skew = new ClockSkew(observe)
  const { promise: started, resolve: onStarted } = Promise.withResolvers<void>()
  let members: Members | undefined
  let place: Place | undefined
  /** When the store was back, on its own clock. */
  let backAt: Micros = 0
  /** What opened the circuit: the probe has to do the same. */
  let failing: { hits: readonly Hit[] | undefined; kind: FailureKind } | undefined
  let timer: NodeJS.Timeout | undefined
  let flushing = false
  let beating: Promise<void> | undefined
  let closed = false

  function told(before: Rung, error?: unknown): void {
    const { rung, reason } = circuit
    const why = whyNot(rung, reason)
    observe({
      event: 'counter_store_rung',
      ...{ rung, before, why: why === undefined ? 'all replicas are back' : `the store ${why}` },
      replicas: place?.replicas ?? 0,
      overAdmission: overAdmission(rung, place).ratio,
      ...(error !== undefined && { said: messageOf(error) }),
    })
  }

  function failed(error: unknown, sentAt: number, hits?: readonly Hit[]): void {
    const kind = failureKind(error)
    const before = circuit.rung
    observe({ event: 'counter_store_failed', kind, error })
    if (!circuit.failed(kind, sentAt, milliseconds())) return
    failing = { hits, kind }
    told(before, error)
    // Nobody waits for what will not come.
    deadlines.expireAll()
    signs.expireAll()
    schedule()
  }

  async function bounded<T>(answer: Promise<T>, hits: readonly Hit[]): Promise<T> {
    const sentAt = milliseconds()
    try {
      const said = await deadlines.bound(answer)
      const now = milliseconds()
      circuit.answered(sentAt, now)
      observe({ event: 'counter_store_call', milliseconds: now - sentAt, result: 'answered' })
      return said
    } catch (error) {
      observe({
        event: 'counter_store_call',
        milliseconds: milliseconds() - sentAt,
        result: failureKind(error),
      })
      // One counter's trouble is no reason to leave the store.
      if (!(error instanceof MergeRefused)) failed(error, sentAt, hits)
      throw error
    }
  }

  /** A sign of life; while the store is away also the probe. */
  async function giveSign(): Promise<void> {
    const sentAt = milliseconds()
    const [sent, wall] = [clocks.monotonic(), clocks.wall()]
    const { rung } = circuit
    const ready = rung !== 'away' && ledger.size === 0
    try {
      const probed = rung === 'away' ? tryAgain() : undefined
      const sign = beat({ link, script, id }, { ready, leaving: !isReplica, known: members })
      const bound = rung === 'away' ? deadlines : signs
      const [answer] = await bound.bound(Promise.all([sign, probed]))
      time.learn(answer.now, sent)
      learnClocks({ node: 'store', time: answer.now, sentAt: wall, receivedAt: clocks.wall() })
      know(answer.members)
      if (rung !== 'away') circuit.answered(sentAt, milliseconds())
      else if (circuit.rung === 'away') {
        backAt = answer.now
        circuit.probeAnswered(milliseconds())
        told('away')
      }
    } catch (error) {
      if (rung !== 'away') failed(error, sentAt)
      else if (circuit.rung === 'away') {
        observe({ event: 'counter_store_failed', kind: failureKind(error), error })
        circuit.probeFailed(failureKind(error), milliseconds())
      }
    }
    onStarted()
  }

  /** What failed, without its effects. */
  async function tryAgain(): Promise<void> {
    const hits = failing?.hits ?? []
    const isRefused = failing?.kind === 'refused'
    await Promise.all([hits.length > 0 && look(hits), isRefused && tryCommands(hits)])
  }

  /** In a cluster each primary has its own. */
  function learnClocks(store: ClockReading): void {
    if (!link.isCluster || link.primaries === undefined) skew.learn([store], clocks.monotonic())
    else
      readClocks(link.primaries(), clocks.wall).then(
        (all) => skew.learn(all, clocks.monotonic()),
        () => undefined,
      )
  }

  function know(next: Members): void {
    const isOther = members?.number !== next.number
    members = next
    place = placeOf(id, next)
    onPlace(place)
    if (isOther && place !== undefined)
      observe({ event: 'replicas_changed', number: next.number, replicas: place.replicas, rank: place.rank })
  }

  /** What was counted without the store is added to it; then the store decides alone, if all others are so far, too. */
  async function settle(): Promise<void> {
    if (circuit.rung === 'away') return
    if (ledger.size > 0 && !flushing) {
      flushing = true
      const sentAt = milliseconds()
      try {
        const counters = await ledger.flush()
        if (counters > 0) observe({ event: 'counters_merged', counters })
      } catch (error) {
        failed(error, sentAt)
      }
      flushing = false
      schedule()
    }
    if (circuit.rung !== 'joining' || ledger.size > 0 || !areOthersReady(id, members!, backAt)) return
    circuit.joined(milliseconds())
    told('joining')
  }

  function schedule(): void {
    if (closed || beating !== undefined) return
    clearTimeout(timer)
    const wait = circuit.rung === 'away' ? Math.max(0, circuit.probeAt - milliseconds()) : intervalMs()
    timer = setTimeout(run, wait)
  }

  function intervalMs(): number {
    const isWaitedFor = circuit.rung === 'joining' || members?.list.some(({ ready }) => !ready)
    return isWaitedFor ? Math.min(hurriedMs, heartbeatMs) : heartbeatMs
  }

  function run(): void {
    beating = giveSign().finally(() => {
      beating = undefined
      schedule()
      void settle()
    })
  }

  run()
  return {
    circuit,
    started,
    bounded,
    known: () => ({ members, place, clocks: skew.state() }),
    async close() {
      closed = true
      clearTimeout(timer)
      await beating
      if (circuit.rung === 'away' || !isReplica) return
      const leaving = beat({ link, script, id }, { ready: false, leaving: true, known: members })
      await deadlines.bound(leaving).catch(() => undefined)
    },
  }
}
