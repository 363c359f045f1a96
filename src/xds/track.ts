import type { DeliveryState, Nack } from './session.ts'

/** How far a stream is now with what it converges to. */
export interface Progress {
  /** Of the snapshot that it converges to. */
  readonly revision: number
  readonly state: DeliveryState
  /** What the Envoy refuses of it. */
  readonly nacks: readonly Nack[]
  /** A response of this very revision is on its way. */
  readonly sending: boolean
  /** Clusters of a response that was sent and is not acknowledged. */
  readonly warming: readonly string[]
}

/** What an Envoy and a revision can be to each other while the Envoy is on its way to it. */
export type StepState = 'pending' | 'sent' | 'warming' | 'acked' | 'nacked'

/** A part of an Envoy's way: one revision of which it was sent something, and those around it of which it was not. */
export interface TrackStep {
  /** The oldest revision that was overtaken by `revision` before anything of it was sent. */
  readonly from: number
  readonly revision: number
  /** The newest revision that had nothing for this Envoy beyond `revision`. */
  readonly through: number
  readonly state: StepState
  /** Since when, in milliseconds since 1970, as all times here. */
  readonly at: number
  /** When the first response of it went out; never where there was nothing to send. */
  readonly sentAt: number | undefined
  /** When the Envoy first had all of it. */
  readonly ackedAt: number | undefined
  /** While the state is `warming`: which clusters. */
  readonly warming: readonly string[]
  /** What it refused at last; none once it has all. */
  readonly nacks: readonly Nack[]
}

/** The way of one Envoy, oldest step first. */
export type Track = readonly TrackStep[]

/**
 * Steps that are kept of one Envoy (revisions that changed something for it, a burst of edits counting as one), and how
 * many refused resources of each but the last: with the longest messages they take 256 KiB.
 */
export const keptSteps = 32
const keptNacks = 4

const none: readonly never[] = []

/**
 * The track after the stream was seen to be so far; the very same one where that is nothing new.
 *
 * `warming` follows from the protocol: but for its first connection, Envoy acknowledges a response with clusters only when
 * it has warmed all of them (endpoints, secrets and DNS answers are there), and waits for that before it acknowledges any
 * later one. So the clusters that were sent and are not acknowledged are those that warm, or are about to. An Envoy that
 * hangs looks the same until its connection is cut.
 */
export function noted(track: Track, progress: Progress, at: number): Track {
  const last = track.at(-1)
  if (last === undefined) return [begun(progress, at, [])]
  const { revision } = progress
  const others = track.slice(0, -1)
  if (revision === last.through) {
    const next = moved(last, progress, at)
    return next === last ? track : [...others, next]
  }
  if (hasNothingFor(last, progress)) return [...others, { ...last, through: revision }]
  const isUnsent = last.state === 'pending' && last.sentAt === undefined && last.ackedAt === undefined
  const next = begun(progress, at, last.nacks)
  if (isUnsent && revision > last.revision) return [...others, { ...next, from: last.from }]
  const done = last.nacks.length > keptNacks ? { ...last, nacks: last.nacks.slice(0, keptNacks) } : last
  return [...others, done, next].slice(-keptSteps)
}

/** One Envoy's way over two streams, of which the older one was seen to end after the newer one began. */
export function inherited(older: Track, newer: Track): Track {
  const [first] = newer
  const before = first === undefined ? older : older.filter(({ through }) => through < first.from)
  return [...before, ...newer].slice(-keptSteps)
}

/** `refused` is what it refused before: what it still refuses need not be kept twice. */
function begun(progress: Progress, at: number, refused: readonly Nack[]): TrackStep {
  const { revision } = progress
  const nacks = progress.nacks.length > 0 && same(progress.nacks, refused) ? refused : progress.nacks
  const place = { from: revision, revision, through: revision }
  const before: TrackStep = {
    ...place,
    ...{ state: 'pending', at, sentAt: undefined, ackedAt: undefined, warming: none, nacks },
  }
  return moved(before, progress, at)
}

/** The Envoy came to a later revision by doing nothing, having all or refusing the same. */
function hasNothingFor(last: TrackStep, { revision, state, nacks, sending }: Progress): boolean {
  const isSame =
    state === last.state && (state === 'acked' || (state === 'nacked' && same(nacks, last.nacks)))
  return isSame && !sending && revision > last.through
}

function moved(step: TrackStep, progress: Progress, at: number): TrackStep {
  const sentAt = step.sentAt ?? (progress.sending ? at : undefined)
  const state = stateOf(progress, sentAt !== undefined)
  const nacks = nacksAfter(step.nacks, state, progress.nacks)
  const clusters = state === 'warming' ? progress.warming : none
  const isKnown = clusters.length === step.warming.length && clusters.join() === step.warming.join()
  const warming = isKnown ? step.warming : clusters
  const isSame = nacks === step.nacks && warming === step.warming && sentAt === step.sentAt
  if (isSame && state === step.state) return step
  const ackedAt = step.ackedAt ?? (state === 'acked' ? at : undefined)
  const { from, revision, through } = step
  const since = state === step.state ? step.at : at
  // Written out, since this is done for each Envoy with each revision.
  return { from, revision, through, state, at: since, sentAt, ackedAt, warming, nacks }
}

/** The last refusal is kept while the same is tried again, so that it is known what is. */
function nacksAfter(known: readonly Nack[], state: StepState, nacks: readonly Nack[]): readonly Nack[] {
  if (state === 'acked') return known.length === 0 ? known : none
  return nacks.length === 0 || same(nacks, known) ? known : nacks
}

function stateOf({ state, warming }: Progress, sent: boolean): StepState {
  if (state !== 'pending') return state
  return warming.length > 0 ? 'warming' : sent ? 'sent' : 'pending'
}

function same(some: readonly Nack[], others: readonly Nack[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ type, resource, error }, index) => {
      const other = others[index]!
      return type === other.type && resource === other.resource && error === other.error
    })
  )
}

/** How far an Envoy got with one revision. */
export interface Outcome {
  /** `superseded`: it came to a later one without having had all of this one. */
  readonly state: StepState | 'superseded'
  /** The revision by which it was, or is being, overtaken. */
  readonly by?: number
  readonly sentAt?: number
  readonly ackedAt?: number
  /** When it refused; absent unless it does. */
  readonly nackedAt?: number
  readonly warmingSince?: number
  readonly warming?: readonly string[]
  readonly nacks?: readonly Nack[]
}

/** Whether it may still have it, or refuse it. */
export function isOnTheWay({ state }: { readonly state: string }): boolean {
  return state === 'pending' || state === 'sent' || state === 'warming'
}

/** What became of a revision on the way of an Envoy; an older one than it is known of is superseded by the first that is. */
export function outcomeOf(track: Track, revision: number): Outcome {
  const index = track.findLastIndex(({ from, through }) => from <= revision && revision <= through)
  const step = track[index]
  if (step === undefined) {
    const next = track.findIndex((each) => each.revision > revision)
    return next < 0 ? { state: 'pending' } : overtaken(track, next)
  }
  if (revision < step.revision) return overtaken(track, index)
  // With nothing to send it has no times of its own.
  if (revision > step.revision && step.state === 'acked') return { state: 'acked' }
  const isLast = index === track.length - 1
  const { sentAt, ackedAt } = step
  if (!isLast && ackedAt !== undefined) return { state: 'acked', ...times({ sentAt, ackedAt }) }
  if (isLast || step.state === 'nacked') return told(step)
  return { ...overtaken(track, index + 1), ...times({ sentAt }) }
}

/** It depends on the first later step that came to an end; while none did, on the last one. */
function overtaken(track: Track, from: number): Outcome {
  const later = track.slice(from)
  const step =
    later.find(({ state, ackedAt }) => ackedAt !== undefined || state === 'nacked') ?? later.at(-1)!
  const { sentAt: _, ...outcome } = told(step)
  const hasAll = step.ackedAt !== undefined
  return hasAll
    ? { state: 'superseded', by: step.revision, ackedAt: step.ackedAt }
    : { ...outcome, by: step.revision }
}

function told(step: TrackStep): Outcome {
  const { state, at, sentAt, ackedAt, warming, nacks } = step
  return {
    state,
    ...times({ sentAt, ...(state === 'acked' ? { ackedAt } : {}) }),
    ...(state === 'nacked' ? { nackedAt: at } : {}),
    ...(state === 'warming' ? { warmingSince: at, warming } : {}),
    ...(nacks.length > 0 ? { nacks } : {}),
  }
}

function times({ sentAt, ackedAt }: { sentAt?: number | undefined; ackedAt?: number | undefined }) {
  return {
    ...(sentAt === undefined ? {} : { sentAt }),
    ...(ackedAt === undefined ? {} : { ackedAt }),
  }
}
