import { setTimeout as delay } from 'node:timers/promises'
import { createLooks } from '../feed/looks.ts'
import { privateKeyOf } from '../model/certificate-use.ts'
import {
  emptyQuarantine,
  formOf,
  type Quarantine,
  type Substitute,
  withSubstitutes,
} from '../model/quarantine.ts'
import type { SecretText } from '../model/secret-text.ts'
import type { State } from '../model/state.ts'
import type { Observe } from '../observe.ts'
import { tellFault } from './fault.ts'

/** How long a lost NOTIFY may go unnoticed, and between the first looks at a start. */
const pollMs = 1_000

export interface HeldRowsOptions {
  /** The table that all replicas share, as `store/quarantine.ts` serves it. */
  table: { read(): Promise<Quarantine> }
  /** Private keys in clear, by the ids of their secrets. */
  secretTexts(ids: readonly string[]): Promise<ReadonlyMap<string, SecretText>>
  /** Something is held back that was not, or is no longer. */
  onChange(): void
  observe: Observe
  /** Gives up the start. */
  signal?: AbortSignal
}

export type HeldListener = (before: Quarantine, now: Quarantine) => void

/** What all replicas hold back of what is written. */
export interface HeldRows {
  quarantine(): Quarantine
  /** Calls back with what was known and what is, before `onChange`. */
  follow(listener: HeldListener): void
  /** The state as the Envoys are to get it. */
  of(state: State): State
  /** Private keys of certificates whose good form is in force. */
  keys(): ReadonlyMap<string, SecretText>
  /** Asks for a look at the table now. */
  hint(): void
  /** Resolves after a look that begins after this call; fails as the table does. */
  look(): Promise<void>
  close(): Promise<void>
}

/** Resolves after the first look that succeeded, so that no Envoy gets after a restart what was refused before. */
export async function createHeldRows(options: HeldRowsOptions): Promise<HeldRows> {
  const { table, secretTexts, onChange, observe, signal } = options
  let known = emptyQuarantine
  let keys: ReadonlyMap<string, SecretText> = new Map()
  const followers = new Set<HeldListener>()

  const { look, ended } = createLooks(async () => {
    const found = await table.read()
    if (fingerprint(found) === fingerprint(known)) return
    const ids = keysNeeded(found.held)
    keys = ids.length === 0 ? new Map() : await secretTexts(ids)
    const before = known
    known = found
    for (const follower of followers) follower(before, found)
    onChange()
  })

  const note = (error: unknown) => tellFault(observe, 'what is held back', error)
  const hint = () => void look().catch(note)

  for (let isKnown = false; !isKnown; ) {
    isKnown = await look().then(
      () => true,
      (error) => {
        note(error)
        return false
      },
    )
    if (!isKnown) await delay(pollMs, undefined, { ...(signal && { signal }) })
  }
  const timer = setInterval(hint, pollMs)

  return {
    quarantine: () => known,
    follow: (listener) => void followers.add(listener),
    of: (state) => withSubstitutes(state, known.held),
    keys: () => keys,
    hint,
    look,
    async close() {
      clearInterval(timer)
      await ended()
    },
  }
}

/** Ids of the private keys of what takes the place of refused forms. */
export function keysNeeded(substitutes: readonly Substitute[]): string[] {
  const objects = substitutes.flatMap(({ good, named }) => (good === undefined ? named : [good, ...named]))
  return objects.flatMap((object) => {
    const { kind, name } = object.document
    if (kind !== 'Certificate') return []
    return privateKeyOf({ revision: 0, objects: new Map([[kind, new Map([[name, object]])]]) }, name) ?? []
  })
}

function fingerprint({ held, accepted }: Quarantine): string {
  const rows = held.map((row) => [formOf(row), row.good?.revision, row.named.map((each) => each.revision)])
  return JSON.stringify([rows, [...accepted].sort()])
}
