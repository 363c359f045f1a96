import { blame } from '../compile/blame.ts'
import { type Compiled, compile } from '../compile/compile.ts'
import type { Live } from '../compile/live.ts'
import { staticBootstrap } from '../compile/static-bootstrap.ts'
import { encode } from '../envoy-api/protos.ts'
import { type Message, typeUrls } from '../envoy-api/types.ts'
import { type Document, idOf } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { type Form, formOf, heldBack } from '../model/quarantine.ts'
import { find, type State } from '../model/state.ts'
import { inClear } from '../secrets/in-clear.ts'
import { type Culprit, CulpritSearch } from './culprit-search.ts'
import { holdsForAll } from './fleet-wide.ts'
import { namedFirst } from './suspects.ts'

/** What an Envoy said of a write before it was made. */
export interface Validation {
  /** `skipped`: no Envoy is at hand, or it gave no answer; `reason` says why. */
  state: 'accepted' | 'refused' | 'skipped'
  problems: ValidationProblem[]
  reason?: string
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
    for (const gateway of [...gateways].sort()) {
      if (find(after, 'Gateway', gateway) === undefined) continue
      const found = await validateGateway(options, before, after, gateway)
      if ('reason' in found) return { state: 'skipped', problems, reason: found.reason }
      problems.push(...found.problems)
    }
    return { state: problems.length > 0 ? 'refused' : 'accepted', problems }
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
): Promise<{ problems: ValidationProblem[] } | { reason: string }> {
  const written = formsOf(after).filter(({ kind, name, revision }) => {
    return find(before, kind, name)?.revision !== revision
  })
  const first = await culprits(options, before, after, gateway, written)
  const found =
    'isUnexplained' in first ? await culprits(options, before, after, gateway, formsOf(after)) : first
  if ('reason' in found) return found
  if ('isUnexplained' in found) return { problems: [] }
  const isWritten = new Set(written.map(formOf))
  const own = found.culprits.filter(({ form }) => isWritten.has(formOf(form)))
  return { problems: own.map(({ form, pointer, error }) => problem(gateway, form, pointer, error)) }
}

/** Rows are held back until the rest is accepted. */
async function culprits(
  { ask, kinds, runtime, live }: ValidationOptions,
  before: State,
  after: State,
  gateway: string,
  among: readonly Form[],
): Promise<{ culprits: Culprit[] } | { isUnexplained: true } | { reason: string }> {
  const search = new CulpritSearch((forms) => namedFirst(kinds, after, forms))
  let isRefused = false
  for (let questions = 0; !search.over && questions < maxQuestions; questions++) {
    const held = search.held.map((form) => ({ ...form, ...substitute(before, form), resource: '' }))
    const state = heldBack(after, held)
    if (find(state, 'Gateway', gateway) === undefined) break
    const compiled = compile(state, gateway, live())
    const bootstrap = staticBootstrap(compiled.resources, inClear, runtime)
    const verdict = await ask(encode('envoy.config.bootstrap.v3.Bootstrap', bootstrap))
    if (verdict.state === 'unknown') return { reason: verdict.reason }
    isRefused = verdict.state === 'refused'
    if (verdict.state === 'accepted') search.accepted()
    else if (!holdsForAll(verdict.error)) return { reason: verdict.error }
    else {
      const suspects = among.filter((form) => find(state, form.kind, form.name)?.revision === form.revision)
      const named = blamed(verdict.error, compiled, state, suspects)
      search.refused({ suspects, blamed: named, error: verdict.error })
    }
  }
  return isRefused && search.culprits.length === 0 ? { isUnexplained: true } : { culprits: search.culprits }
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
