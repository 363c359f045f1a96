import { blame } from '../compile/blame.ts'
import { type Compiled, compile } from '../compile/compile.ts'
import type { Live } from '../compile/live.ts'
import { staticBootstrap } from '../compile/static-bootstrap.ts'
import { encode } from '../envoy-api/protos.ts'
import { type Message, typeUrls } from '../envoy-api/types.ts'
import { type Document, idOf } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { type Form, formOf, withSubstitutes } from '../model/quarantine.ts'
import { find, type State } from '../model/state.ts'
import { inClear } from '../secrets/in-clear.ts'
import { type Culprit, CulpritSearch } from './culprit-search.ts'
import { holdsForAll } from './fleet-wide.ts'
import { namedFirst } from './suspects.ts'

/** What an Envoy said of a write before it was made. */
export interface Validation {
  /**
   * `untraced`: it refuses, and no row was found that is to blame. `skipped`: no Envoy is at hand, or it gave no answer;
   * `reason` says why.
   */
  state: 'accepted' | 'refused' | 'untraced' | 'skipped'
  problems: ValidationProblem[]
  /** What it refuses without a row to blame. */
  untraced?: UntracedRefusal[]
  reason?: string
}

export interface UntracedRefusal {
  gateway: string
  error: string
}

export interface ValidationProblem {
  gateway: string
  kind: string
  name: string
  /** JSON pointer to the field, as closely as Envoy's words tell; `""` for the whole document. */
  pointer: string
  error: string
}

export interface ValidationOptions {
  /** An Envoy that is asked about a whole configuration (`local/envoy-check.ts`). */
  ask(
    bootstrap: Buffer,
  ): Promise<
    { state: 'accepted' } | { state: 'refused'; error: string } | { state: 'unknown'; reason: string }
  >
  kinds: readonly Kind[]
  /** Of the fleet's bootstrap. */
  runtime: object
  live(): Live
}

/** Questions a search: each takes some tenths of a second. */
const maxQuestions = 24

/** Asks a real Envoy what it makes of the state after a write, and tells which of the written rows it refuses. */
export function createValidation(options: ValidationOptions) {
  return async (before: State, after: State, gateways: ReadonlySet<string>): Promise<Validation> => {
    const problems: ValidationProblem[] = []
    const untraced: UntracedRefusal[] = []
    const found = () => ({ problems, ...(untraced.length > 0 && { untraced }) })
    for (const gateway of [...gateways].sort()) {
      if (find(after, 'Gateway', gateway) === undefined) continue
      const said = await validateGateway(options, before, after, gateway)
      if ('reason' in said) return { state: 'skipped', ...found(), reason: said.reason }
      if ('untraced' in said) untraced.push({ gateway, error: said.untraced })
      else problems.push(...said.problems)
    }
    if (problems.length > 0) return { state: 'refused', ...found() }
    return { state: untraced.length > 0 ? 'untraced' : 'accepted', ...found() }
  }
}

/**
 * The written rows that are to blame. Where the rest is refused without any of them, it was refused before the write, and
 * all rows are looked through, so that a bad one of others neither hides a bad one of this write nor is told as one.
 */
async function validateGateway(
  options: ValidationOptions,
  before: State,
  after: State,
  gateway: string,
): Promise<{ problems: ValidationProblem[] } | Untraced | { reason: string }> {
  const written = formsOf(after).filter(({ kind, name, revision }) => {
    return find(before, kind, name)?.revision !== revision
  })
  const first = await culprits(options, before, after, gateway, written)
  const found = 'untraced' in first ? await culprits(options, before, after, gateway, formsOf(after)) : first
  if (!('culprits' in found)) return found
  const isWritten = new Set(written.map(formOf))
  const own = found.culprits.filter(({ form }) => isWritten.has(formOf(form)))
  return { problems: own.map(({ form, pointer, error }) => problem(gateway, form, pointer, error)) }
}

/** What Envoy said of the state as it is to be, where no row is known to be the cause. */
interface Untraced {
  untraced: string
}

/** Rows are held back until the rest is accepted. */
async function culprits(
  { ask, kinds, runtime, live }: ValidationOptions,
  before: State,
  after: State,
  gateway: string,
  among: readonly Form[],
): Promise<{ culprits: Culprit[] } | Untraced | { reason: string }> {
  const search = new CulpritSearch((forms) => namedFirst(kinds, after, forms))
  let refusal: string | undefined
  for (let questions = 0; !search.over && questions < maxQuestions; questions++) {
    const held = search.held.map((form) => ({ ...form, ...substitute(before, form), resource: '' }))
    const state = withSubstitutes(after, held)
    if (find(state, 'Gateway', gateway) === undefined) break
    const compiled = compile(state, gateway, live())
    const bootstrap = staticBootstrap(compiled.resources, inClear, runtime)
    const verdict = await ask(encode('envoy.config.bootstrap.v3.Bootstrap', bootstrap))
    if (verdict.state === 'unknown') return { reason: verdict.reason }
    if (verdict.state === 'accepted') search.accepted()
    else if (!holdsForAll(verdict.error)) return { reason: verdict.error }
    else {
      refusal ??= verdict.error
      const suspects = among.filter((form) => find(state, form.kind, form.name)?.revision === form.revision)
      const named = blamed(verdict.error, compiled, state, suspects)
      search.refused({ suspects, blamed: named, error: verdict.error })
    }
  }
  // Also where the questions were used up first.
  if (refusal !== undefined && search.culprits.length === 0) return { untraced: refusal }
  return { culprits: search.culprits }
}

function problem(gateway: string, { kind, name }: Form, pointer: string, error: string): ValidationProblem {
  return { gateway, kind, name, pointer, error }
}

/** The form before the write. What was there already has none. */
function substitute(before: State, { kind, name, revision }: Form) {
  const found = find(before, kind, name)
  const good = found?.revision === revision ? undefined : found
  return { named: [], ...(good !== undefined && { good }) }
}

function formsOf(state: State): Form[] {
  return [...state.objects].flatMap(([kind, byName]) =>
    [...byName].map(([name, { revision }]) => ({ kind, name, revision })),
  )
}

/** A path of fields may lead through any of the route configurations; else the words alone tell. */
function blamed(error: string, { resources }: Compiled, state: State, suspects: readonly Form[]) {
  const documents = suspects.flatMap(({ kind, name }): Document[] => {
    const document = find(state, kind, name)?.document
    return document === undefined ? [] : [document]
  })
  if (documents.length === 0) return undefined
  const places: (Message | undefined)[] = [...(resources.get(typeUrls.route)?.values() ?? []), undefined]
  for (const place of places) {
    const { document, pointer, certain } = blame(error, place, documents)
    const form = suspects.find((each) => idOf(each) === idOf(document))
    if (certain && form !== undefined) return { form, pointer }
  }
  return undefined
}
