import { createHash } from 'node:crypto'
import { type Problem, WeirError } from '../errors.ts'
import type { Document } from './document.ts'
import { isSecretRef } from './secret.ts'
import { compareNames, find, type State } from './state.ts'

/** What a gateway has that requests depend on: the routes that it serves, and the endpoints that these can reach. */
export interface Extent {
  readonly routes: number
  readonly endpoints: number
}

/** Something of which a write leaves a gateway with fewer than half. */
export interface Reduction {
  readonly gateway: string
  readonly what: keyof Extent
  readonly before: number
  readonly after: number
}

/** What a write needs that takes more than half away, as the problem document and a dry run tell it. */
export interface Confirmation {
  /** Good for the very same write to the very same state, and for nothing else. */
  readonly token: string
  readonly reductions: readonly Reduction[]
}

/** A gateway with fewer is a small one, of which a write may rightly take most. */
const guardedFrom = 20

/** So few may be taken from any gateway: of 20 or more that is no more than half. */
export const neverHalf = guardedFrom / 2

/** What of a gateway's extent falls to fewer than half; a gateway that goes is left with nothing. */
export function reductionsOf(gateway: string, before: Extent, after: Extent): Reduction[] {
  return (['routes', 'endpoints'] as const)
    .filter((what) => before[what] >= guardedFrom && 2 * after[what] < before[what])
    .map((what) => ({ gateway, what, before: before[what], after: after[what] }))
}

/**
 * The token of a write, of 64 bits: a digest of the state that it meets and of what it makes of it. So it is the same
 * for a dry run and for the write, however that is formatted, and another one as soon as anybody wrote in between.
 */
export function confirmationToken(
  before: State,
  after: State,
  changes: readonly { kind: string; name: string; action: string }[],
): string {
  const effects = changes
    .filter(({ action }) => action !== 'unchanged')
    .map(({ kind, name }) => [kind, name, effectOf(before, after, kind, name)] as const)
    .sort(([kindA, nameA], [kindB, nameB]) => compareNames(kindA, kindB) || compareNames(nameA, nameB))
  const text = JSON.stringify([before.revision, effects])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** The object as it will be; a secret that is new has another id each time it is tried. */
function effectOf(before: State, after: State, kind: string, name: string): unknown {
  const known = new Set(refsOf(find(before, kind, name)?.document))
  const document = find(after, kind, name)?.document
  return document === undefined ? null : sortedFields(document, known)
}

function refsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return isSecretRef(value) ? [value.secretRef] : Object.values(value).flatMap(refsOf)
}

function sortedFields(value: Document | unknown, known: ReadonlySet<string>): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (isSecretRef(value)) return known.has(value.secretRef) ? value : '(new)'
  if (Array.isArray(value)) return value.map((item) => sortedFields(item, known))
  const entries = Object.entries(value).sort(([a], [b]) => compareNames(a, b))
  return entries.map(([name, item]) => [name, sortedFields(item, known)])
}

/** Refuses a write that takes more than half away, unless it was confirmed by its token. */
export function requireConfirmation(confirmation: Confirmation, given: string | undefined): void {
  const { token, reductions } = confirmation
  if (reductions.length === 0 || given === token) return
  // Which of the two it is a digest cannot tell.
  const stale = 'the token that was sent is for another write, or for a state that has changed since'
  const detail = 'The write would leave a gateway with fewer than half of what it has; nothing was written.'
  const again = `send the same write again with ?confirm=${token}`
  const remedy = given === undefined ? `if that is meant, ${again}` : `${stale}; if this is meant, ${again}`
  const problems = reductions.map(
    (reduction): Problem => ({
      pointer: '',
      message: reductionText(reduction),
      remedy,
    }),
  )
  throw new WeirError('confirmation_needed', detail, { problems, members: { confirmation } })
}

/** `would have 9 of its 24 routes`. */
export function leftText({ what, before, after }: Reduction): string {
  return `would have ${after} of its ${before} ${what}`
}

/** The same of the gateway by its name. */
export function reductionText(reduction: Reduction): string {
  return `Gateway/${reduction.gateway} ${leftText(reduction)}`
}
