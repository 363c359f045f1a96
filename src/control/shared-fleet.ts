import { randomUUID } from 'node:crypto'
import { createLooks } from '../feed/looks.ts'
import { createSettling } from '../feed/settling.ts'
import type { FleetAnswer, FleetExchange, ToldReplica } from '../model/fleet-record.ts'
import type { Observe } from '../observe.ts'
import type { Life } from '../xds/elsewhere.ts'
import type { FleetRecord } from '../xds/fleet-record.ts'
import { tellFault } from './fault.ts'
import { lifeOf } from './life.ts'

/** Between signs of life, and looks at what the others say, whether or not a notification came. */
const defaultSignMs = 1_000
/** Signs without which it is forgotten, with its Envoys. */
const forgetSigns = 600

/** What happens to Envoys is gathered for so long: many answer the same edit. */
const gatherMs = 25
/** Between two tellings. */
const paceMs = 100
/** Of the time that telling takes, so many times as much is between two of them. */
const restFactor = 10

export interface SharedFleetOptions {
  /** Where this replica serves xDS, for people; no other process is there at the same time. */
  name: string
  /** What this replica tells of its Envoys. */
  record: Pick<FleetRecord, 'news' | 'forget'>
  /** Where what the others tell goes. Answers with the gateways whose Envoys are not as they were. */
  others: {
    known(): ReadonlyMap<string, number>
    refusing(gateways: readonly string[]): ReadonlyMap<string, number>
    merge(told: readonly (ToldReplica & { life: Life })[]): Set<string>
  }
  /** Called for each gateway whose Envoys at other replicas are not as they were. */
  onChange(gateway: string): void
  /** What all replicas share, as `store/fleet.ts` serves it. */
  table(exchange: FleetExchange): Promise<FleetAnswer>
  /** The replica of that id asks all others to have Envoys of these gateways try again what they refused. */
  ask(from: string, gateways: readonly string[]): Promise<void>
  /** Has this replica's Envoys of a gateway try again what they refused. */
  tryAgain(gateway: string): void
  observe: Observe
  signMs?: number
}

/** Keeps what replicas know of each other's Envoys. */
export interface SharedFleet {
  /** Of this replica, as the fleet has it. */
  readonly name: string
  /** Something happened to an Envoy of this replica. */
  changed(): void
  /** The replica of that id told something; looked at now if anybody waits for it, else at the next sign. */
  hint(id?: string): void
  /** A replica asked for a retry (`<id> <gateway>`): what this one asked for it has done itself. */
  asked(told?: string): void
  /** A look that begins after this call; it never fails. */
  look(): Promise<void>
  /**
   * Has the Envoys at other replicas try again what they refused; resolves once those replicas told how far these are
   * since, or had a second to. It never fails.
   */
  retry(gateways: readonly string[], signal: AbortSignal): Promise<void>
  /** While anybody waits, every hint is followed. Returns a function that ends this. */
  watch(): () => void
  /** This one ends: its Envoys go elsewhere. */
  close(): Promise<void>
}

/**
 * Tells the other replicas of this one's Envoys, and is told of theirs, through a table: what is new is written at most
 * every `paceMs`, and a sign of life each `signMs`. While the database is away what was known last holds; silence counts
 * only while this replica itself has watched without a gap, or after an outage all would be taken for dead.
 */
export async function createSharedFleet(options: SharedFleetOptions): Promise<SharedFleet> {
  const { name, record, others, onChange, table, ask, tryAgain, observe, signMs = defaultSignMs } = options
  const id = randomUUID()
  let says: FleetExchange['says'] = 'first'
  let version = 0
  let base = 0
  /** The revision that was told. */
  let told = 0
  /** The last exchange failed. */
  let isAway = false
  /** Since when every look succeeded; monotonic milliseconds. */
  let watchingSince: number | undefined
  let gathering: NodeJS.Timeout | undefined
  let toldAt = Number.NEGATIVE_INFINITY
  let tookMs = 0
  let watchers = 0
  let isClosed = false
  let forgotAt = Number.NEGATIVE_INFINITY
  /** Changed whenever others were heard of. */
  const heard = createSettling()

  /** For how long a replica was silent while this one listened. */
  function unheardMs(silentMs: number, now: number): number {
    return Math.min(silentMs, watchingSince === undefined ? 0 : now - watchingSince)
  }

  function exchanged(says: FleetExchange['says'], news: Partial<FleetExchange> = {}): Promise<FleetAnswer> {
    const own = { id, name, revision: told, version, base }
    const nothing = { envoys: [], gateways: [], tell: false }
    const forgetMs = forgetSigns * signMs
    const isDue = performance.now() - forgotAt >= forgetMs / 10
    if (isDue) forgotAt = performance.now()
    return table({ own, says, ...nothing, known: others.known(), ...(isDue && { forgetMs }), ...news })
  }

  function tellNews(): Promise<FleetAnswer> {
    const started = performance.now()
    const isAll = says !== 'changes'
    if (isAll) record.forget()
    const { revision, envoys, gateways } = record.news()
    const tell = isAll || revision !== told || envoys.length + gateways.length > 0
    if (tell) version++
    if (isAll) base = version
    told = revision
    toldAt = performance.now()
    tookMs = toldAt - started
    return exchanged(says, { envoys, gateways, tell })
  }

  async function exchange(): Promise<void> {
    const started = performance.now()
    try {
      // Nothing is put together for a database that is away.
      const answer = isAway ? await exchanged('changes') : await tellNews()
      const isAnew = isAway || answer.lost
      isAway = false
      if (isAnew) {
        void look()
        if (says === 'changes') says = 'all'
        return
      }
      says = 'changes'
      watchingSince ??= started
      const lives = answer.replicas.map((each) => ({
        ...each,
        life: lifeOf(unheardMs(each.silentMs, started), signMs),
      }))
      for (const gateway of others.merge(lives)) onChange(gateway)
      heard.changed()
    } catch (error) {
      // Whether anything was written is not known.
      isAway = true
      watchingSince = undefined
      tellFault(observe, 'Envoys of all replicas', error)
    }
  }

  const { look, ended } = createLooks(async () => {
    if (isClosed) return
    clearTimeout(gathering)
    gathering = undefined
    await exchange()
  })

  await look()
  const timer = setInterval(() => void look(), signMs)

  return {
    name,
    changed() {
      if (isClosed || gathering !== undefined) return
      const rest = Math.max(paceMs, restFactor * tookMs) - (performance.now() - toldAt)
      gathering = setTimeout(() => void look(), Math.max(gatherMs, rest))
    },
    hint(from) {
      if (watchers > 0 && from !== id) void look()
    },
    asked(told = '') {
      const [from, gateway] = told.split(' ')
      if (gateway === undefined || from === id) return
      tryAgain(gateway)
      void look()
    },
    look,
    async retry(gateways, signal) {
      const asked = others.refusing(gateways)
      if (asked.size === 0 || signal.aborted) return
      const patience = AbortSignal.any([signal, AbortSignal.timeout(signMs)])
      const isAsked = await ask(id, gateways).then(
        () => true,
        () => false,
      )
      const haveTold = () => {
        const known = others.known()
        return [...asked].every(([id, version]) => known.get(id) !== version)
      }
      if (isAsked) await heard.until(haveTold, patience)
    },
    watch() {
      watchers++
      return () => watchers--
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      clearTimeout(gathering)
      await ended()
      await exchanged('leave', { tell: true }).catch(() => undefined)
    },
  }
}
