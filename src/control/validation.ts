import { blame } from '../compile/blame.ts'
import { type Compiled, compile } from '../compile/compile.ts'
import type { Live } from '../compile/live.ts'
import { staticBootstrap } from '../compile/static-bootstrap.ts'
import { encode } from '../envoy-api/protos.ts'
import { type Message, typeUrls } from '../envoy-api/types.ts'
import { type Document, idOf } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import { type Form, heldBack } from '../model/quarantine.ts'
import { find, type State } from '../model/state.ts'
import { inClear } from '../secrets/in-clear.ts'
import { CulpritSearch } from './culprit-search.ts'
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

/** Questions a gateway: each takes some tenths of a second. */
const maxQuestions = 12

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

/** Written rows are held back until the rest is accepted. Where it never is, it was not this write. */
async function validateGateway(
  { ask, kinds, runtime, live }: ValidationOptions,
  before: State,
  after: State,
  gateway: string,
): Promise<{ problems: ValidationProblem[] } | { reason: string }> {
  const written = formsWritten(before, after)
  const search = new CulpritSearch((forms) => namedFirst(kinds, after, forms))
  for (let questions = 1; !search.over; questions++) {
    const held = search.held.map((form) => ({ ...form, ...substitute(before, form), resource: '' }))
    const state = heldBack(after, held)
    if (find(state, 'Gateway', gateway) === undefined) break
    const compiled = compile(state, gateway, live())
    const bootstrap = staticBootstrap(compiled.resources, inClear, runtime)
    const verdict = await ask(encode('envoy.config.bootstrap.v3.Bootstrap', bootstrap))
    if (verdict.state === 'unknown') return { reason: verdict.reason }
    if (verdict.state === 'accepted') search.accepted()
    else if (!holdsForAll(verdict.error)) return { reason: verdict.error }
    else {
      const suspects = written.filter((form) => find(state, form.kind, form.name)?.revision === form.revision)
      search.refused({
        suspects,
        blamed: blamed(verdict.error, compiled, state, suspects),
        error: verdict.error,
      })
    }
    if (questions === maxQuestions) break
  }
  return {
    problems: search.culprits.map(({ form, pointer, error }) => problem(gateway, form, pointer, error)),
  }
}

function problem(gateway: string, { kind, name }: Form, pointer: string, error: string): ValidationProblem {
  return { gateway, kind, name, pointer, error }
}

/** The form before the write. */
function substitute(before: State, { kind, name }: Form) {
  const good = find(before, kind, name)
  return { named: [], ...(good !== undefined && { good }) }
}

function formsWritten(before: State, after: State): Form[] {
  return [...after.objects].flatMap(([kind, byName]) => {
    const earlier = before.objects.get(kind)
    if (earlier === byName) return []
    return [...byName].flatMap(([name, { revision }]) =>
      earlier?.get(name)?.revision === revision ? [] : [{ kind, name, revision }],
    )
  })
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
