import type { Rung } from './circuit.ts'
import type { ClocksState } from './clock-skew.ts'
import type { FailureKind } from './failure.ts'
import type { Members } from './members.ts'
import type { Place } from './shares.ts'

/** How the store of the counters is, for people. */
export interface StoreState {
  /** Who decides now. */
  rung: Rung
  /** Why it is not the store alone. */
  why?: string
  /** Seconds for which it has been so. */
  seconds: number
  /** This replica's id, random for each process. */
  replica: string
  /** The last record of the replicas that is known, and this one's place in it, from 0. */
  record?: { number: number; replicas: string[]; rank: number }
  /** How far the store's clocks are from this replica's. */
  clocks: ClocksState
  /** Counters with requests that are not added to the store yet. */
  unmerged: number
  overAdmission: OverAdmission
}

/** Where the counters are, and who decides now, for people. `url` holds nothing that is secret. */
export type CountersState = { store: 'memory' } | ({ store: 'redis'; url: string } & StoreState)

export interface OverAdmission {
  /** The part of a limit that this replica may admit beyond it in one window. */
  ratio: number
  text: string
}

const clauses: Readonly<Record<FailureKind | 'starting', string>> = {
  starting: 'has not answered since this replica started',
  timeout: 'does not answer in time',
  closed: 'cannot be reached',
  busy: 'is occupied by a script (BUSY)',
  loading: 'is loading its data (LOADING)',
  readonly: 'takes no writes (READONLY)',
  oom: 'has no memory left (OOM)',
  moved: 'is moving its slots (MOVED)',
  down: 'is without a primary (CLUSTERDOWN)',
  refused: 'does not let weir do what it has to (its user’s permissions)',
  other: 'fails',
}

/** Why the store does not decide alone, as a clause about it; nothing where it does. */
export function whyNot(rung: Rung, reason: FailureKind | 'starting'): string | undefined {
  if (rung === 'store') return undefined
  return rung === 'away' ? clauses[reason] : 'is back, and other replicas are not yet'
}

export function overAdmission(rung: Rung, place: Place | undefined): OverAdmission {
  if (rung === 'store') return { ratio: 0, text: 'none: the store decides' }
  if (rung === 'joining') return { ratio: 0, text: 'none: the store decides, and the share of this replica' }
  if (place === undefined)
    return { ratio: 0, text: 'none: without a record of the replicas this one has no share, and refuses' }
  const part =
    place.replicas === 1 ? 'as much again as the limit' : `1/${place.replicas} of the limit, rounded up`
  const text = `this replica: ${part}; all that are away together: as much again as the limit in the window of the failure, nothing in later ones; policies with onStoreFailure allow: no bound`
  return { ratio: 1 / place.replicas, text }
}

export function recordOf(members: Members | undefined, place: Place | undefined): StoreState['record'] {
  if (members === undefined || place === undefined) return undefined
  return { number: members.number, replicas: members.list.map(({ id }) => id), rank: place.rank }
}
