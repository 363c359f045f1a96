import type { Document } from '../../src/model/document.ts'

/** One request of a writer, or one read of the past. */
export type Op =
  | { op: 'put'; document: Document }
  | {
      op: 'patch'
      kind: string
      name: string
      owner: string | null | undefined
      labels: Record<string, string | null>
    }
  | { op: 'delete'; kind: string; name: string }
  | { op: 'apply'; documents: Document[]; prune: boolean }
  | { op: 'restore'; revision: number }

/** Everything that is written, by `Kind/name`. */
export type Objects = ReadonlyMap<string, Document>

export interface Outcome {
  result: 'done' | 'missing' | 'refused'
  next: Objects
  /** `action Kind/name`, sorted. */
  changes: string[]
}

export const idOf = ({ kind, name }: { kind: string; name: string }): string => `${kind}/${name}`

/** What must become of a request: a few lines over a map, which share nothing with the program. */
export function expected(history: readonly Objects[], op: Op): Outcome {
  const before = history.at(-1)!
  const next = wanted(history, op)
  if (next === undefined) return { result: 'missing', next: before, changes: [] }
  const dangling = [...next.values()].some(
    ({ kind, spec }) => kind === 'Consumer' && spec.plan !== undefined && !next.has(`Plan/${spec.plan}`),
  )
  if (dangling) return { result: 'refused', next: before, changes: [] }
  const changes = changesOf(before, next, named(op))
  return { result: 'done', next, changes }
}

function wanted(history: readonly Objects[], op: Op): Objects | undefined {
  const next = new Map(history.at(-1)!)
  switch (op.op) {
    case 'put':
      return next.set(idOf(op.document), op.document)
    case 'patch': {
      const old = next.get(idOf(op))
      if (old === undefined) return undefined
      const labels = Object.entries({ ...old.labels, ...op.labels }).filter(([, value]) => value !== null)
      const owner = op.owner === undefined ? old.owner : (op.owner ?? '')
      return next.set(idOf(op), { ...old, owner, labels: Object.fromEntries(labels) as Document['labels'] })
    }
    case 'delete':
      return next.delete(idOf(op)) ? next : undefined
    case 'apply':
      if (op.prune) next.clear()
      for (const document of op.documents) next.set(idOf(document), document)
      return next
    case 'restore':
      return history[op.revision]
  }
}

function named(op: Op): string[] {
  if (op.op === 'restore') return []
  if (op.op === 'apply') return op.documents.map(idOf)
  return [op.op === 'put' ? idOf(op.document) : idOf(op)]
}

function changesOf(before: Objects, next: Objects, mentioned: readonly string[]): string[] {
  const ids = new Set([...before.keys(), ...next.keys()])
  return [...ids]
    .flatMap((id) => {
      const [old, present] = [before.get(id), next.get(id)]
      if (old === undefined) return [`created ${id}`]
      if (present === undefined) return [`deleted ${id}`]
      if (text(old) !== text(present)) return [`updated ${id}`]
      return mentioned.includes(id) ? [`unchanged ${id}`] : []
    })
    .sort()
}

/** With sorted keys, since the order of keys says nothing. */
export function text(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort())
      : item,
  )
}
