import { createLooks } from '../feed/looks.ts'
import { createSettling } from '../feed/settling.ts'
import type { KnownReplica, Replica, ReplicaExchange } from '../model/replica.ts'
import type { Observe } from '../observe.ts'
import { tellFault } from './fault.ts'

/** Between signs of life; so soon it is seen, too, that another replica gave none. */
const defaultSignMs = 2_000
/** Signs of life after which a replica without one is waited for no longer, and is forgotten. */
const staleSigns = 4
const forgetSigns = 1_800
/** Milliseconds after which a replica without a sign of life has ended. */
export const staleReplicaMs = staleSigns * defaultSignMs

/** How far a rate-limit service is, as a write's receipt tells it. */
export interface ReplicaDelivery {
  id: string
  /** Where it answers, for people. */
  name: string
  /** `acked`: it answers by the revision that was asked for, or a later one. */
  state: 'acked' | 'pending'
  /** By which revision it answers; 0 before its first. */
  revision: number
}

export interface ReplicasOptions {
  /** This process, where it decides requests. */
  own?: Omit<Replica, 'revision'>
  /** What all replicas share, as `store/replicas.ts` serves it. */
  table(exchange: ReplicaExchange): Promise<readonly KnownReplica[]>
  /** The ids of those that live for certain, whatever the table says: one that the database has lost may still decide. */
  counting(): readonly string[]
  observe: Observe
  signMs?: number
}

/** By which revision each rate-limit service answers. */
export interface Replicas {
  /** This one answers by that revision from now on. */
  serves(revision: number): void
  /** Asks for a look at the table now; at most one is under way and at most one is pending. */
  hint(): void
  /** The replicas that live, as far as is known now. */
  known(revision: number): ReplicaDelivery[]
  /** The same once all of them answer by the revision, or the signal fires. */
  reached(revision: number, signal: AbortSignal): Promise<ReplicaDelivery[]>
  /** This one ends: nobody waits for it any more. */
  close(): Promise<void>
}

/**
 * Says by which revision this replica answers, and knows it of the others, through a table: rules come from the database,
 * so that whoever reads them can say there which ones it has. Resolves once this one is known, or the database is away.
 */
export async function createReplicas(options: ReplicasOptions): Promise<Replicas> {
  const { own, table, counting, observe, signMs = defaultSignMs } = options
  let revision = 0
  /** By which revision the others know this one to answer. */
  let told: number | undefined
  let others: readonly KnownReplica[] = []
  /** Those who wait for the others. */
  const settling = createSettling()
  let waiting = 0

  const exchange = () => tell(false)

  async function tell(leaving: boolean): Promise<void> {
    const said = revision
    try {
      const all = await table({
        ...(own && { own: { ...own, revision: said } }),
        leaving,
        tell: leaving || said !== told,
        staleMs: staleSigns * signMs,
        forgetMs: forgetSigns * signMs,
      })
      told = said
      others = all.filter(({ id }) => id !== own?.id)
    } catch (error) {
      tellFault(observe, 'revisions of the replicas', error)
    }
    settling.changed()
  }

  const { look, ended } = createLooks(exchange)

  function known(wanted: number): ReplicaDelivery[] {
    const certain = new Set(counting())
    const live = others.filter(({ id, live }) => live || certain.has(id))
    const all = own === undefined ? live : [{ ...own, revision }, ...live]
    return all.map(({ id, name, revision: reached }) => {
      const state = reached >= wanted ? 'acked' : 'pending'
      return { id, name, state, revision: reached }
    })
  }

  const isPending = (wanted: number) => known(wanted).some(({ state }) => state === 'pending')
  await look()
  const timer = setInterval(() => void look(), signMs)

  return {
    serves(reached) {
      revision = reached
      void look()
    },
    hint() {
      if (waiting > 0) void look()
    },
    known,
    async reached(wanted, signal) {
      // Who came since the last look is in force, too.
      let isFresh = false
      waiting++
      void look().then(() => {
        isFresh = true
        settling.changed()
      })
      await settling.until(() => isFresh && !isPending(wanted), signal)
      waiting--
      return known(wanted)
    },
    async close() {
      clearInterval(timer)
      await ended()
      if (own !== undefined) await tell(true)
    },
  }
}
