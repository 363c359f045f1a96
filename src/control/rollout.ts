import { milliseconds } from '../model/duration.ts'
import type { GateSpec, RolloutSpec, WaveSpec } from '../model/rollout.ts'
import type { Reach, RolloutOutcome, RolloutRecord } from '../model/rollout-record.ts'
import { everybody } from '../xds/rollout.ts'

/**
 * The rollout of one gateway, as a state machine. The record says which Envoys have which of two revisions; a step makes
 * the next record of it, or none. What is not in the table leaves the record as it is.
 *
 * | state     | event                                             | becomes                                     |
 * | --------- | ------------------------------------------------- | ------------------------------------------- |
 * | any       | a write that Envoys can tell from both revisions  | running, its first wave that is not empty   |
 * | any       | a write by which Envoys have the base again       | done                                        |
 * | running   | an Envoy that is reached refuses a part of it     | reverting                                   |
 * | running   | not acknowledged by all reached in `deadline`     | reverting                                   |
 * | running   | acknowledged by all that are reached              | running, settling                           |
 * | settling  | the gate trips                                    | reverting                                   |
 * | settling  | `settle` is over                                  | running, the next wave; done after the last |
 * | reverting | the base is acknowledged by all                   | reverted                                    |
 * | running   | by hand: halt                                     | halted                                      |
 * | halted    | by hand: resume                                   | running, the same wave                      |
 * | reverted  | by hand: resume                                   | running, the first wave                     |
 * | running, halted | by hand: abort                              | reverting                                   |
 * | all but done | by hand: promote                               | done, with the candidate                    |
 *
 * A write in the last wave, once all have acknowledged that, makes what they have the base: nobody goes back.
 */
export interface Seen {
  readonly now: Date
  readonly rollout: RolloutSpec
  readonly newest: number
  /** How the newest revision stands to the two of the record, as far as Envoys can tell. */
  readonly newestIs: 'base' | 'candidate' | 'other'
  /** All replicas have told of this wave, and none came or went a moment ago: nothing that is not seen is there. */
  readonly complete: boolean
  readonly reached: { readonly envoys: number; readonly pending: number }
  readonly others: { readonly envoys: number; readonly pending: number }
  /** Envoys by the first wave that they belong to. */
  readonly byWave: readonly number[]
  /** The smallest places of all Envoys, in order. */
  readonly places: readonly number[]
  readonly nacks: readonly string[]
  /** Why the gate trips by the figures so far, if it does. */
  readonly tripped: string | undefined
  /** What its Envoys answered should be known by now, and is not. */
  readonly awaitsFigures: boolean
}

export interface RolloutStep {
  readonly to: RolloutRecord
  readonly outcome?: RolloutOutcome
}

export const actions = ['halt', 'resume', 'abort', 'promote'] as const
export type Action = (typeof actions)[number]

/**
 * By so much figures are late: those that Envoys tell first, within 2 s, are of before as well, what they tell next, 2 s
 * later, replicas pass on within a second.
 */
const figuresLateMs = 6_000

/** Milliseconds for which a wave is watched. */
export function watchedMs(gate: GateSpec | undefined): number {
  if (gate === undefined) return 0
  const settle = milliseconds(gate.settle ?? '30s')
  return settle === 0 ? 0 : settle + figuresLateMs
}

/** What follows from what is seen; nothing where the record stays. */
export function step(record: RolloutRecord, seen: Seen): RolloutStep | undefined {
  const isOvertaken = seen.newest !== record.candidate && seen.newestIs === 'other'
  return written(record, seen) ?? (isOvertaken ? undefined : moved(record, seen))
}

/** A newer revision: the same to Envoys as one of the two, or to be rolled out. */
function written(record: RolloutRecord, seen: Seen): RolloutStep | undefined {
  const { newest, newestIs, now } = seen
  const { state, base, candidate } = record
  const isOver = state === 'done'
  if (newest === candidate) return undefined
  if (newestIs === 'base') {
    const to = ended(record, newest, now, isOver ? record.reason : `revision ${newest} is the base again`)
    const same = { epoch: record.epoch, changedAt: record.changedAt }
    return isOver ? { to: { ...to, ...same } } : superseding(record, to, newest)
  }
  if (newestIs === 'candidate') {
    return { to: changed(record, { candidate: newest, ...(isOver && { base: newest }) }) }
  }
  // Wherever everybody has the candidate, nobody is to go back for what comes after it.
  const isEverywhere = state === 'running' && isLastWave(record, seen) && record.settlingAt !== null
  const from = isEverywhere ? candidate : base
  const started = { ...record, base: from, candidate: newest, startedAt: now }
  const step = enter(started, 0, seen)
  if (step === undefined) return undefined
  return isOver || state === 'reverted' ? step : superseding(record, step.to, newest, isEverywhere)
}

function moved(record: RolloutRecord, seen: Seen): RolloutStep | undefined {
  const { state, settlingAt, waveAt } = record
  const { now, complete, nacks, tripped, awaitsFigures, reached, others } = seen
  const { gate } = seen.rollout
  if (state === 'reverting') {
    const isBack = complete && reached.pending + others.pending === 0
    return isBack ? { to: changed(record, { state: 'reverted' }, now) } : undefined
  }
  if (state !== 'running') return undefined
  if (nacks.length > 0) return reverting(record, seen, `an Envoy refused ${nacks[0]}`)
  if (settlingAt === null) {
    if (complete && reached.pending === 0) return { to: changed(record, { settlingAt: now }, now) }
    const deadline = milliseconds(gate?.deadline ?? '10m')
    if (now.getTime() - waveAt.getTime() < deadline) return undefined
    return reverting(record, seen, `not acknowledged within ${gate?.deadline ?? '10m'}`)
  }
  if (gate === undefined) return complete ? next(record, seen) : undefined
  if (tripped !== undefined) return reverting(record, seen, tripped)
  const isOver = now.getTime() - settlingAt.getTime() >= watchedMs(gate)
  return complete && isOver && !awaitsFigures ? next(record, seen) : undefined
}

/** What a person asks for, or why it cannot be. */
export function act(record: RolloutRecord, action: Action, seen: Seen): RolloutStep | { refused: string } {
  const { state } = record
  const refused = { refused: `the rollout of ${record.gateway} is ${state}` }
  const { now } = seen
  if (action === 'halt') {
    return state === 'running'
      ? { to: changed(record, { state: 'halted', reason: 'halted by hand' }, now) }
      : refused
  }
  if (action === 'resume') {
    if (state === 'halted') {
      return { to: changed(record, { state: 'running', settlingAt: null, waveAt: now, reason: '' }, now) }
    }
    return state === 'reverted' ? (enter({ ...record, startedAt: now }, 0, seen) ?? refused) : refused
  }
  if (action === 'abort') {
    return state === 'running' || state === 'halted'
      ? reverting(record, seen, 'aborted by hand', '')
      : refused
  }
  return state === 'done' ? refused : done(record, now, 'promoted by hand')
}

/** The first wave from `from` on that any Envoy belongs to; after the last, all have it. Nothing while not all is seen. */
function enter(record: RolloutRecord, from: number, seen: Seen): RolloutStep | undefined {
  const { now, rollout, complete, byWave } = seen
  if (!complete) return undefined
  const { waves } = rollout
  const isAny = byWave.some((count) => count > 0)
  const wave = waves.findIndex((each, index) => {
    return index >= from && (each.count === undefined ? (byWave[index] ?? 0) > 0 : isAny)
  })
  if (wave < 0) return done(record, now, 'all waves are through')
  const version = record.version + 1
  const reach = reachOf(waves.slice(0, wave + 1), seen.places)
  const epoch = version
  return {
    to: {
      ...record,
      ...{ version, epoch, state: 'running', wave, reach, waveAt: now, settlingAt: null },
      ...{ changedAt: now, reason: '' },
    },
  }
}

function next(record: RolloutRecord, seen: Seen): RolloutStep | undefined {
  return enter(record, record.wave + 1, seen)
}

/** Together, the Envoys of these waves. A number is of those with the smallest places of all that are there now. */
export function reachOf(waves: readonly WaveSpec[], places: readonly number[]): Reach {
  const nodes = waves.flatMap(({ nodes: labels }) => (labels === undefined ? [] : [labels]))
  const shares = waves.map(({ percent = 0, count }) =>
    count === undefined ? percent / 100 : shareOf(count, places),
  )
  return { nodes, share: Math.max(0, ...shares) }
}

/** A share by which exactly so many places are reached, or all where there are fewer. */
function shareOf(count: number, places: readonly number[]): number {
  const last = places[Math.min(count, places.length) - 1]
  return last === undefined ? 0 : last + 2 ** -32
}

function isLastWave({ wave }: RolloutRecord, { rollout, byWave }: Seen): boolean {
  const later = rollout.waves.slice(wave + 1)
  return (
    byWave.slice(wave + 1).every((count) => count === 0) && later.every(({ count }) => count === undefined)
  )
}

function reverting(
  record: RolloutRecord,
  seen: Seen,
  why: string,
  where = placeText(record, seen),
): RolloutStep {
  const { gateway, candidate: revision } = record
  const version = record.version + 1
  const reason = `${where}${why}`
  return {
    to: {
      ...record,
      ...{ version, epoch: version, state: 'reverting', waveAt: seen.now, settlingAt: null },
      ...{ changedAt: seen.now, reason },
    },
    outcome: { gateway, revision, state: 'reverted', reason },
  }
}

function placeText({ wave }: RolloutRecord, { rollout }: Seen): string {
  return `wave ${wave + 1} (${waveText(rollout.waves[wave])}): `
}

/** `track=canary`, `25%`, `2 Envoys`. */
export function waveText(wave: WaveSpec | undefined): string {
  if (wave?.percent !== undefined) return `${wave.percent}%`
  if (wave?.count !== undefined) return `${wave.count} Envoys`
  return Object.entries(wave?.nodes ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')
}

function done(record: RolloutRecord, now: Date, reason: string): RolloutStep {
  const { gateway, candidate: revision } = record
  return { to: ended(record, revision, now, reason), outcome: { gateway, revision, state: 'done', reason } }
}

function ended(record: RolloutRecord, revision: number, now: Date, reason: string): RolloutRecord {
  const version = record.version + 1
  return {
    ...record,
    ...{ version, epoch: version, state: 'done', base: revision, candidate: revision, reach: everybody },
    ...{ settlingAt: null, changedAt: now, reason },
  }
}

/** What was under way is over by a newer revision; what was reverted is so already. */
function superseding(
  { gateway, candidate, state }: RolloutRecord,
  to: RolloutRecord,
  by: number,
  isEverywhere = false,
): RolloutStep {
  if (state === 'reverted' || state === 'reverting') return { to }
  const reason = isEverywhere ? `all had it when revision ${by} came` : `revision ${by} came`
  return {
    to,
    outcome: { gateway, revision: candidate, state: isEverywhere ? 'done' : 'superseded', reason },
  }
}

function changed(
  record: RolloutRecord,
  change: Partial<RolloutRecord>,
  now = record.changedAt,
): RolloutRecord {
  return { ...record, version: record.version + 1, changedAt: now, ...change }
}
