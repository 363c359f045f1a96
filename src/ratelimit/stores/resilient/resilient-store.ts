import { WeirError } from '../../../errors.ts'
import type { Observe } from '../../../observe.ts'
import type { Micros } from '../../algorithms/algorithm.ts'
import type { Clocks } from '../../clock.ts'
import type { Answer, CounterStore, Hit, Taken } from '../counter-store.ts'
import { createMemoryStore } from '../memory/memory-store.ts'
import { counterPrefix, memoKey } from '../redis/counter-key.ts'
import type { RedisLink } from '../redis/link.ts'
import { notPermitted, refusedCommands } from '../redis/permitted.ts'
import { loadScripts } from '../redis/scripts.ts'
import type { CircuitOptions } from './circuit.ts'
import { Fallbacks, wordOf } from './fallback.ts'
import { Ledger } from './ledger.ts'
import { merge } from './merge.ts'
import { createReach } from './reach.ts'
import { slowedRule } from './shares.ts'
import { overAdmission, recordOf, type StoreState, whyNot } from './store-state.ts'
import { createStoreTime } from './store-time.ts'

export interface ResilientStoreOptions {
  primary: CounterStore
  /** The way to the primary, for what is no request's: signs of life, and what was counted without it. */
  link: RedisLink
  clocks: Clocks
  observe: Observe
  /** Counters that are held while the store is away, before they are shared; as in the memory store. */
  maxCounters: number
  onOverflow?(policy: string): void
  /** The longest that a request waits for the store. */
  timeoutMs?: number
  /** Between signs of life. */
  heartbeatMs?: number
  circuit?: CircuitOptions
  /** Names this process among the replicas. */
  id: string
  /** Whether it decides requests: then it has a share. By default it does. */
  isReplica?: boolean
  graceMs?: number
}

export interface ResilientStore extends CounterStore {
  state(): StoreState
  /** Why the store is not asked now, as a clause about it; nothing where it is. */
  trouble(): string | undefined
  /** The store's clock, as far as it is known: edits are made by it, which are judged by it. Never goes back. */
  clock(): Micros
  /** The ids of the replicas that the store knows to live; none while it is away. */
  replicas(): readonly string[]
  /** The first attempt to reach the store is over, whatever came of it. */
  readonly started: Promise<void>
  /** Leaves the record of the replicas. */
  close(): Promise<void>
}

/** The longest that a person waits for the store, in milliseconds. */
const patienceMs = 1_000

/**
 * A store that always answers. A call that takes longer than the bound or fails is answered at the bound by the policy's
 * `onStoreFailure`, and the store is not asked again until a probe brings it back (`Circuit`). `local` counts this
 * replica's share in a memory of its own, until the window ends; what it admits is added to the store once it is back,
 * before the store decides anything for that counter. A call that was given up may have consumed all the same: then counts
 * are high.
 */
export function createResilientStore(options: ResilientStoreOptions): ResilientStore {
  const {
    primary,
    link,
    clocks,
    observe,
    maxCounters,
    onOverflow,
    timeoutMs = 10,
    graceMs = 1_000,
    id,
  } = options
  const scripts = loadScripts()
  const time = createStoreTime(clocks)
  const clock = time.read
  const local = createMemoryStore({ clock, maxCounters, ...(onOverflow && { onOverflow }) })
  const ledger = new Ledger({
    merge: (target, alone) => merge({ link, script: scripts.merge, id, graceMs }, target, alone),
    onGivenUp: (policy, error) => observe({ event: 'counters_not_merged', policy, error }),
    slowed: (rule) => slowedRule(rule, fallbacks.place),
    clock,
    most: maxCounters,
  })
  const fallbacks = new Fallbacks(local, ledger)
  const reach = createReach({
    ...{ id, link, script: scripts.heartbeat, clocks, time, ledger, observe, timeoutMs },
    heartbeatMs: options.heartbeatMs ?? 1_000,
    isReplica: options.isReplica ?? true,
    look: primary.look,
    tryCommands,
    circuit: options.circuit ?? {},
    onPlace: (place) => {
      fallbacks.place = place
    },
  })
  const { circuit } = reach

  async function tryCommands(hits: readonly Hit[]): Promise<void> {
    const keys = hits.map(
      ({ counter, rule, policy }) => counterPrefix(policy) + memoKey(counter, rule.algorithm),
    )
    const script = scripts.permitted
    const answers = keys.map((key) => refusedCommands(link, script, key))
    const refused = new Set((await Promise.all([refusedCommands(link, script), ...answers])).flat())
    if (refused.size > 0) throw notPermitted([...refused])
  }

  /** What the store says, once it knows what was admitted without it. */
  function ask(hits: readonly Hit[]): Answer<Taken> {
    const settled = ledger.settle(hits)
    return settled === undefined ? primary.take(hits) : settled.then(() => primary.take(hits))
  }

  function takeAway(hits: readonly Hit[]): Taken {
    observe({ event: 'counter_store_decision', by: whoInstead(hits) })
    return fallbacks.take(hits, whyNow())
  }

  function takeFromStore(hits: readonly Hit[]): Answer<Taken> {
    const answer = ask(hits)
    if (!(answer instanceof Promise)) {
      observe({ event: 'counter_store_decision', by: 'hot_key' })
      return answer
    }
    return reach.bounded(answer, hits).then(
      (taken) => {
        observe({ event: 'counter_store_decision', by: 'store' })
        return taken
      },
      () => takeAway(hits),
    )
  }

  /** The share has to admit as well; policies that have none are the store's alone. */
  function takeJoining(hits: readonly Hit[]): Answer<Taken> {
    const decided = () => observe({ event: 'counter_store_decision', by: 'joining' })
    const shares = hits.map(
      (hit): Hit => (wordOf(hit) === 'local' ? hit : { ...hit, onStoreFailure: 'allow' }),
    )
    const spent = fallbacks.spend(shares, whyNow())
    if (!spent.admitted) return refuseByShare(hits, spent, decided)
    const finish = (taken: Taken) => {
      decided()
      if (!taken.admitted) fallbacks.giveBack(shares, spent)
      return taken
    }
    const answer = ask(hits)
    if (!(answer instanceof Promise)) return finish(answer)
    return reach.bounded(answer, hits).then(finish, () => {
      fallbacks.giveBack(shares, spent)
      return takeAway(hits)
    })
  }

  /** A share refused: the client is told of the other policies what the store says. */
  function refuseByShare(hits: readonly Hit[], refused: Taken, decided: () => void): Answer<Taken> {
    const others = hits.filter((hit) => wordOf(hit) !== 'local')
    const finish = (seen: Taken): Taken => {
      decided()
      const outcomes = seen.outcomes.values()
      return {
        admitted: false,
        outcomes: refused.outcomes.map((own, index) =>
          wordOf(hits[index]!) === 'local' ? own : outcomes.next().value!,
        ),
      }
    }
    if (others.length === 0) return finish({ admitted: true, outcomes: [] })
    const answer = primary.look(others)
    if (!(answer instanceof Promise)) return finish(answer)
    return reach.bounded(answer, others).then(finish, () => takeAway(hits))
  }

  /** Of a call that failed while the circuit stays closed, too. */
  function whyNow(): string {
    return whyNot(circuit.rung, circuit.reason) ?? 'did not answer this request in time'
  }

  /** What people ask for is answered by the store, or not at all. */
  async function forPeople<T>(
    what: string,
    hit: Pick<Hit, 'counter' | 'rule'>,
    call: () => Answer<T>,
  ): Promise<T> {
    if (circuit.rung === 'away') throw unavailable(what, whyNow())
    try {
      return await within(patienceMs, async () => {
        await ledger.settle([hit])
        return call()
      })
    } catch (error) {
      throw unavailable(what, whyNow(), error)
    }
  }

  return {
    take(hits) {
      switch (circuit.rung) {
        case 'store':
          return takeFromStore(hits)
        case 'joining':
          return takeJoining(hits)
        case 'away':
          return takeAway(hits)
      }
    },
    look(hits) {
      if (circuit.rung === 'away') return fallbacks.look(hits, whyNow())
      const answer = primary.look(hits)
      if (!(answer instanceof Promise)) return answer
      return reach.bounded(answer, hits).catch(() => fallbacks.look(hits, whyNow()))
    },
    peek: (policy, counter, rule, former) =>
      forPeople('A counter cannot be read', { counter, rule }, () =>
        primary.peek(policy, counter, rule, former),
      ),
    reset: (policy, counter, rule) =>
      forPeople('A counter cannot be reset', { counter, rule }, async () => {
        local.reset(policy, counter)
        return primary.reset(policy, counter, rule)
      }),
    grant: (policy, counter, rule, amount, former) =>
      forPeople('Nothing can be given back', { counter, rule }, () =>
        primary.grant(policy, counter, rule, amount, former),
      ),
    keep(policy, span) {
      primary.keep(policy, span)
      local.keep(policy, span)
    },
    size: () => local.size(),

    clock,
    started: reach.started,
    close: reach.close,
    trouble: () => (circuit.rung === 'away' ? whyNow() : undefined),
    replicas: () => (circuit.rung === 'away' ? [] : (reach.known().members?.list ?? []).map(({ id }) => id)),
    state() {
      const { members, place, clocks: clocksState } = reach.known()
      const why = whyNot(circuit.rung, circuit.reason)
      const record = recordOf(members, place)
      return {
        rung: circuit.rung,
        ...(why !== undefined && { why: `the store ${why}` }),
        seconds: Math.round(clocks.monotonic() / 1_000 - circuit.since) / 1_000,
        replica: id,
        ...(record && { record }),
        clocks: clocksState,
        unmerged: ledger.size,
        overAdmission: overAdmission(circuit.rung, place),
      }
    },
  }
}

/** Who decides a request without the store: who refuses it, or counts it, else nobody. */
function whoInstead(hits: readonly Hit[]): 'local' | 'allow' | 'deny' {
  if (hits.some((hit) => hit.enforced && wordOf(hit) === 'deny')) return 'deny'
  return hits.some((hit) => wordOf(hit) === 'local') ? 'local' : 'allow'
}

function unavailable(what: string, why: string, cause?: unknown): WeirError {
  const message = `${what} now: the store of the counters ${why}.`
  const remedy =
    'try again when /readyz says that the store decides; requests go on by each policy’s onStoreFailure'
  return new WeirError('unavailable', message, {
    problems: [{ pointer: '', message, remedy }],
    retryAfter: 1,
    cause,
  })
}

async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`it did not answer within ${ms} ms`)), ms)
  try {
    return await Promise.race([work(), promise])
  } finally {
    clearTimeout(timer)
  }
}
