import type { Problem } from '../errors.ts'
import { type Document, idOf } from './document.ts'
import { equalJson } from './equal.ts'
import type { CheckContext, Kind, Reference } from './kind.ts'
import { allReferences, type Referrer, referencesOf, referrersOf, resolves } from './references.ts'
import { find, type Replacement, replace, type State } from './state.ts'
import { remedyAmong, suggest } from './suggest.ts'

/** One wish of a write. `document` numbers it in the request, for problems. */
export type Edit =
  | { op: 'put'; object: Document; document: number }
  | { op: 'delete'; kind: string; name: string; document: number }

export type Action = 'created' | 'updated' | 'deleted' | 'unchanged'

export interface Change {
  kind: string
  name: string
  action: Action
}

/** What a write would do; nothing of it may be done while there are problems. */
export interface WritePlan {
  changes: Change[]
  replacements: Replacement[]
  /** The state afterwards, at `revision`; the state before where nothing changes. */
  next: State
  problems: Problem[]
  /** Set where the only problem is that others still refer to something deleted. */
  referenced: boolean
}

/**
 * Plans all edits as one: references are checked on the state after the whole.
 * Pure; the store calls it inside the transaction that it describes.
 * `assumed` are ids that count as there because their own documents are refused already: a name of one of them is
 * no second problem.
 */
export function planWrite(
  kinds: readonly Kind[],
  state: State,
  edits: readonly Edit[],
  context: CheckContext,
  assumed: ReadonlySet<string> = new Set(),
): WritePlan {
  const revision = state.revision + 1
  const problems = duplicates(edits)
  const changes: Change[] = []
  const replacements: Replacement[] = []
  const numbers = new Map<string, number>()
  for (const edit of edits) {
    const { kind, name } = edit.op === 'put' ? edit.object : edit
    numbers.set(`${kind}/${name}`, edit.document)
    const before = find(state, kind, name)
    const action = actionOf(before?.document, edit)
    changes.push({ kind, name, action })
    if (action === 'unchanged') continue
    replacements.push({ kind, name, object: edit.op === 'put' ? { document: edit.object, revision } : null })
  }
  if (replacements.length === 0) return { changes, replacements, next: state, problems, referenced: false }
  const next = replace(state, revision, replacements)
  const dangling = danglingReferences(kinds, state, next, numbers, assumed)
  const inState = stateProblems(kinds, next, numbers, context)
  const others = [...problems, ...dangling.missing, ...inState]
  return {
    changes,
    replacements,
    next,
    problems: [...others, ...dangling.referenced],
    referenced: others.length === 0 && dangling.referenced.length > 0,
  }
}

function actionOf(before: Document | undefined, edit: Edit): Action {
  if (edit.op === 'delete') return before === undefined ? 'unchanged' : 'deleted'
  if (before === undefined) return 'created'
  return equalJson(before, edit.object) ? 'unchanged' : 'updated'
}

function duplicates(edits: readonly Edit[]): Problem[] {
  const first = new Map<string, number>()
  return edits.flatMap((edit) => {
    if (edit.op === 'delete') return []
    const id = idOf(edit.object)
    const earlier = first.get(id)
    if (earlier === undefined) {
      first.set(id, edit.document)
      return []
    }
    return [
      {
        document: edit.document,
        pointer: '/name',
        message: `${id} is already document ${earlier}`,
        remedy: 'write each object once',
      },
    ]
  })
}

/** References to nothing: those that the write itself cut by a deletion are told on the deleted object. */
function danglingReferences(
  kinds: readonly Kind[],
  before: State,
  after: State,
  numbers: Map<string, number>,
  assumed: ReadonlySet<string>,
) {
  const missing: Problem[] = []
  const referenced: Problem[] = []
  for (const { from, reference } of concerned(kinds, before, after, numbers)) {
    if (resolves(after, reference)) continue
    const target = `${reference.kind}/${reference.name}`
    if (assumed.has(target)) continue
    const own = numbers.get(idOf(from))
    // It named nothing before (a row that this program cannot read), so this write did not make it worse.
    if (own === undefined && !resolves(before, reference)) continue
    const cut =
      find(after, reference.kind, reference.name) === undefined &&
      find(before, reference.kind, reference.name)
    if (cut && own === undefined) {
      referenced.push({
        ...numbered(numbers.get(target)),
        pointer: '',
        message: `${target} is still named by ${idOf(from)} at ${reference.pointer}`,
        remedy: `delete or change ${idOf(from)} in the same write`,
      })
      continue
    }
    missing.push(
      own === undefined
        ? {
            ...numbered(numbers.get(target)),
            pointer: '/spec/listeners',
            message: `${idOf(from)} names listener "${reference.listener}" of ${target}`,
            remedy: `keep the listener, or change ${idOf(from)} in the same write`,
          }
        : { ...numbered(own), pointer: reference.pointer, ...absence(after, reference) },
    )
  }
  return { missing, referenced }
}

/** What the objects of a write name, and who named them before: nothing else can have come to name nothing. */
function concerned(
  kinds: readonly Kind[],
  before: State,
  after: State,
  numbers: ReadonlyMap<string, number>,
): Referrer[] {
  const naming = referrersOf(kinds, before)
  const documents = new Set<Document>()
  for (const id of numbers.keys()) {
    const at = id.indexOf('/')
    const own = find(after, id.slice(0, at), id.slice(at + 1))?.document
    if (own !== undefined) documents.add(own)
    for (const { from } of naming.get(id) ?? []) {
      if (find(after, from.kind, from.name)?.document === from) documents.add(from)
    }
  }
  const found = [...documents].flatMap((from) => {
    return referencesOf(kinds, from).map((reference) => ({ from, reference }))
  })
  // What is told of several is told in the order of the state.
  if (found.filter(({ reference }) => !resolves(after, reference)).length < 2) return found
  return [...allReferences(kinds, after)].filter(({ from }) => documents.has(from))
}

function absence(state: State, { kind, name, listener }: Reference): { message: string; remedy: string } {
  const target = find(state, kind, name)
  if (target !== undefined) {
    const { listeners } = target.document.spec as { listeners: { name: string }[] }
    const names = listeners.map((each) => `${name}/${each.name}`)
    return {
      message: `${kind}/${name} has no listener "${listener}"`,
      remedy: remedyAmong(`${name}/${listener}`, names),
    }
  }
  const names = [...(state.objects.get(kind)?.keys() ?? [])].sort()
  const meant = suggest(name, names)
  const remedy = meant === undefined ? 'create it in the same write' : `did you mean "${meant}"?`
  return { message: `there is no ${kind}/${name}`, remedy }
}

function stateProblems(
  kinds: readonly Kind[],
  after: State,
  numbers: Map<string, number>,
  context: CheckContext,
): Problem[] {
  // A conflict concerns two objects; it is told once, on the one that this write brought.
  const written = [...numbers.keys()].flatMap((id) => {
    const at = id.indexOf('/')
    return find(after, id.slice(0, at), id.slice(at + 1))?.document ?? []
  })
  const told = kinds.flatMap(({ kind, checkState, checkWrite }) => [
    ...written
      .filter((document) => document.kind === kind)
      .flatMap((document) =>
        (checkState?.(document, after, context) ?? []).map((problem) => ({ document, problem })),
      ),
    ...(checkWrite?.(written, after) ?? []),
  ])
  return told.map(({ document, problem }) => ({ ...numbered(numbers.get(idOf(document))), ...problem }))
}

function numbered(document: number | undefined): { document?: number } {
  return document === undefined ? {} : { document }
}
