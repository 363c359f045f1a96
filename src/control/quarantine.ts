import type { Live } from '../compile/live.ts'
import { type TypeUrl, typeUrls } from '../envoy-api/types.ts'
import { createSettling } from '../feed/settling.ts'
import { nothingStaged, type StagedGateways, stagedBy } from '../feed/staged.ts'
import { idOf } from '../model/document.ts'
import {
  type Form,
  formOf,
  type QuarantineEntry,
  type Refusal,
  withSubstitutes,
} from '../model/quarantine.ts'
import type { SecretText } from '../model/secret-text.ts'
import { emptyState, type State } from '../model/state.ts'
import type { Verdict } from '../xds/answer.ts'
import { shortType } from '../xds/session.ts'
import { createCaseView } from './case-view.ts'
import { tellFault } from './fault.ts'
import { holdsForAll } from './fleet-wide.ts'
import { createHeldRows, keysNeeded } from './held-rows.ts'
import type { QuarantineOptions } from './quarantine-options.ts'
import { RefusalCase } from './refusal-case.ts'
import { shownRow } from './shown-row.ts'
import { createSuspects, namedFirst } from './suspects.ts'

/** An Envoy that says nothing for so long has left, or cannot say it. */
const answerMs = 10_000
/** Between attempts to write down what was found. */
const retryMs = 1_000
/** Versions that one Envoy refuses and another has; one that is forgotten is found out again. */
const maxDisputed = 1_000

export type QuarantineControl = Awaited<ReturnType<typeof createQuarantine>>

/**
 * Keeps from the fleet what Envoys refuse, row by row. A row's form goes through these states:
 *
 *     delivered  an Envoy refuses a resource (told from others by `xds/bisect.ts`) and it is no matter of that Envoy
 *                alone (`fleet-wide.ts`; no other Envoy has accepted it)                      -> searched for
 *     searched   `culprit-search.ts` tells which of the forms behind the resource it is: suspects are held back here,
 *                in memory, and what the Envoys say then decides. No Envoy answers            -> delivered
 *                It is found, and written into the table                                      -> held
 *     held       all replicas deliver the last good form, or none, and Envoys that join later get the same
 *                The row gets another form, or is deleted                                     -> (delivered, the new one)
 *                A client that waits for the fleet writes the same form again                 -> delivered
 *                An Envoy turns out to have it in force                                       -> accepted
 *     accepted   delivered, and never held again: who refuses it has it parked, as for a port in use
 *
 * A new state ends searches that depend on which other rows are in force; what is bad is refused again, and they begin
 * anew. While the database is away nothing is searched for, and what was found is held in memory.
 */
export async function createQuarantine(options: QuarantineOptions) {
  const { table, kinds, controller, fleet, observe, secretTexts } = options
  const suspects = createSuspects(fleet.accepted)
  const view = createCaseView({ controller, fleet, suspects })
  const cases = new Map<string, RefusalCase>()
  const disputed = new Set<string>()
  const settling = createSettling()
  let newest: {
    state: State
    keys: ReadonlyMap<string, SecretText>
    staged: StagedGateways
    kept?: Live['kept'] | undefined
  } = {
    ...{ state: emptyState, keys: new Map(), staged: nothingStaged },
  }
  /** Keys for substitutes of cases, which are in no table yet. */
  let caseKeys: ReadonlyMap<string, SecretText> = new Map()
  let delivered = false
  const rows = await createHeldRows({ ...options, onChange: () => changed() })

  /** Hands the state on as the Envoys are to get it. */
  function push(): void {
    if (!delivered) return
    const { state, keys, staged, kept } = newest
    const held = [...rows.quarantine().held, ...[...cases.values()].flatMap((each) => each.held(state))]
    const more = [...rows.keys(), ...caseKeys].filter(([id]) => !keys.has(id))
    const all = more.length === 0 ? keys : new Map([...keys, ...more])
    const without = (each: State) => withSubstitutes(each, held)
    controller.apply(without(state), all, stagedBy(staged, without), kept)
    const gateways = controller.gateways()
    suspects.keep(gateways)
    for (const gateway of gateways) suspects.note(gateway, controller.made(gateway)!)
  }

  function changed(): void {
    if (!delivered) return
    push()
    settleDisputes(() => true)
  }

  function settleDisputes(concerns: (row: QuarantineEntry) => boolean): void {
    const accepted = rows.quarantine().held.filter((row) => {
      const { gateway, type, resource, version } = row
      return (
        concerns(row) && fleet.accepted(gateway, typeUrls[type as keyof typeof typeUrls], resource, version)
      )
    })
    if (accepted.length === 0) return
    for (const row of accepted) observe({ event: 'quarantine_disputed', ...told(row) })
    void guarded(() => table.accept(accepted).then(rows.look))
  }

  function refused(gateway: string, type: TypeUrl, said: NonNullable<Verdict['refused']>): void {
    const { node, resource, version, error } = said
    const made = controller.made(gateway)
    // Of an older version nothing follows: what is on its way may be good.
    if (made?.resources.get(type)?.get(resource)?.version !== version || !holdsForAll(error)) return
    const key = JSON.stringify([gateway, type, resource])
    const known = cases.get(key)
    if (known?.moving || known?.found || disputed.has(`${key} ${version}`)) return
    if (fleet.accepted(gateway, type, resource, version)) return
    const inOrder = (forms: readonly Form[]) => namedFirst(kinds, newest.state, forms)
    const each = known ?? new RefusalCase({ gateway, type, resource }, inOrder)
    Object.assign(each, { error, node })
    const refusal = view.refusal(each)
    // Of weir's own resources no row is to blame.
    if (refusal.suspects.length === 0 && known === undefined) return
    cases.set(key, each)
    each.versions.add(version)
    each.search.refused(refusal)
    void proceed(key, each)
  }

  /** Goes on with a search until only an Envoy can tell more. */
  async function proceed(key: string, each: RefusalCase): Promise<void> {
    clearTimeout(each.timer)
    each.moving = true
    const isLive = () => cases.get(key) === each
    const done = await guarded(async () => {
      while (isLive() && !each.search.over) {
        const { state } = newest
        await findSubstitutes(each)
        if (newest.state !== state) continue
        if (!isLive()) return
        push()
        if (view.isAccepted(each)) each.search.accepted()
        // What is held changes nothing of the resource, or it is as it was before.
        else if (each.versions.has(view.versionOf(each) ?? '')) each.search.refused(view.refusal(each))
        else return
      }
    })
    each.moving = false
    if (!isLive()) return
    if (!done) close(key, 'the database cannot be reached')
    else if (each.search.over) await finish(key, each)
    else each.timer = setTimeout(() => close(key, 'no Envoy answered'), options.answerMs ?? answerMs)
  }

  async function findSubstitutes(each: RefusalCase): Promise<void> {
    const found = await table.substitutes(each.presentForms(newest.state), each.search.held)
    const ids = keysNeeded([...found.values()])
    if (ids.some((id) => !caseKeys.has(id))) caseKeys = new Map([...caseKeys, ...(await secretTexts(ids))])
    each.substitutes = found
  }

  async function finish(key: string, each: RefusalCase): Promise<void> {
    const refusals = each.refusals()
    if (refusals.length === 0) return close(key, 'no row could be told')
    const isNew = each.found === undefined
    each.found = refusals
    if (isNew) for (const refusal of refusals) observe({ event: 'quarantined', ...told(refusal) })
    const written = await guarded(async () => {
      await table.hold(refusals)
      if (each.isDisputed) await table.accept(refusals)
      await rows.look()
    })
    if (written) return close(key)
    each.timer = setTimeout(() => void finish(key, each), retryMs)
    each.isUnwritten = true
    settling.changed()
  }

  /** What one Envoy refuses another one has in force. */
  function dispute(key: string, each: RefusalCase, version: string): void {
    if (disputed.size >= maxDisputed) disputed.clear()
    disputed.add(`${key} ${version}`)
    if (each.found === undefined) close(key, 'another Envoy accepts it')
    else each.isDisputed = true
  }

  /** Nothing is looked for here any more; what is known by the table stays held. */
  function close(key: string, reason?: string): void {
    const each = cases.get(key)
    if (each === undefined) return
    drop(key, each)
    if (reason !== undefined) {
      const { gateway, type, resource, error } = each
      observe({ event: 'quarantine_given_up', gateway, type: shortType(type), resource, reason, error })
    }
    push()
    settling.changed()
  }

  function drop(key: string, each: RefusalCase): void {
    clearTimeout(each.timer)
    cases.delete(key)
    if (cases.size === 0) caseKeys = new Map()
  }

  /** Whether it was done. */
  async function guarded(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      tellFault(observe, 'quarantine', error)
      return false
    }
  }

  function accepted(gateway: string, type: TypeUrl): void {
    for (const [key, each] of cases) {
      if (each.gateway !== gateway || each.type !== type) continue
      const [first = ''] = each.versions
      if (fleet.accepted(gateway, type, each.resource, first)) dispute(key, each, first)
      else if (!each.moving && each.found === undefined && view.isAccepted(each)) {
        each.search.accepted()
        void proceed(key, each)
      }
    }
    if (rows.quarantine().held.length > 0) {
      settleDisputes((row) => row.gateway === gateway && typeUrls[row.type as keyof typeof typeUrls] === type)
    }
  }

  return {
    /** Takes a new state over from the feed. */
    apply(
      state: State,
      keys: ReadonlyMap<string, SecretText>,
      staged = nothingStaged,
      kept?: Live['kept'],
    ): void {
      newest = { state, keys, staged, kept }
      delivered = true
      const again = new Set<string>()
      for (const [key, each] of cases) {
        const isPresent = each.presentForms(state).some((form) => each.substitutes.has(formOf(form)))
        if (each.found === undefined && (each.search.isDelicate || !isPresent)) {
          again.add(each.gateway)
          drop(key, each)
        }
      }
      push()
      // What was refused before is parked, and would not be heard of again for a while.
      if (again.size > 0) setImmediate(() => again.forEach(options.retry))
      settling.changed()
    },
    /** Hears what an Envoy made of a response. */
    judge({ gateway, type, refused: said }: Verdict): void {
      if (said === undefined) accepted(gateway, type as TypeUrl)
      else refused(gateway, type as TypeUrl, said)
    },
    hint: rows.hint,
    /** Calls back with each change of what all replicas hold back, searches apart. */
    follow: rows.follow,
    /** What is kept from the fleet, searches apart. */
    held: () =>
      [...rows.quarantine().held, ...[...cases.values()].flatMap((each) => each.unwritten())].map(shownRow),
    /** The state as the Envoys are to get it, searches apart. */
    of: rows.of,
    /** Tries again what is held of these rows. */
    async retry(objects: readonly { kind: string; name: string }[]): Promise<void> {
      const ids = new Set(objects.map(idOf))
      const again = rows.quarantine().held.filter((row) => ids.has(idOf(row)))
      if (again.length === 0) return
      await guarded(() => table.release(again).then(rows.look))
      // It is with the streams in the next turn of the loop, and parked there since it was refused before.
      await new Promise((resolve) => setImmediate(resolve))
    },
    /** Resolves once nothing is searched for in these gateways, or the signal fires. */
    settled(gateways: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
      const isSettled = () =>
        ![...cases.values()].some((each) => gateways.has(each.gateway) && !each.isUnwritten)
      return settling.until(isSettled, signal)
    },
    async close(): Promise<void> {
      for (const { timer } of cases.values()) clearTimeout(timer)
      cases.clear()
      await rows.close()
    },
  }
}

function told({ kind, name, pointer, gateway, node, type, resource, error }: Refusal) {
  return { kind, name, pointer, gateway, node, type, resource, error }
}
