import type { Problem } from '../errors.ts'
import { type Document, envelope } from './document.ts'
import type { Kind } from './kind.ts'
import { schemaProblems } from './schema-problems.ts'
import { remedyAmong } from './suggest.ts'
import { escapePointer } from './walk.ts'

const envelopes = new WeakMap<Kind, ReturnType<typeof envelope>>()

/** The schema of a whole document of that kind. */
export function documentSchema(kind: Kind): ReturnType<typeof envelope> {
  let schema = envelopes.get(kind)
  if (schema === undefined) {
    schema = envelope(kind.kind, kind.spec)
    envelopes.set(kind, schema)
  }
  return schema
}

export type ReadResult = { document: Document; problems: [] } | { document?: undefined; problems: Problem[] }

/** Turns a parsed value into a document, or says everything that is wrong with it. */
export function readDocument(kinds: readonly Kind[], value: unknown): ReadResult {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('', 'a document must be an object', 'write kind, name and spec')
  }
  const { kind: kindName } = value as { kind?: unknown }
  const kind = kinds.find((candidate) => candidate.kind === kindName)
  if (kind === undefined) {
    const names = kinds.map((candidate) => candidate.kind)
    if (kindName === undefined) return refuse('/kind', '"kind" is missing', `use one of: ${names.join(', ')}`)
    const shown = typeof kindName === 'string' ? `"${kindName.slice(0, 64)}"` : `a ${typeof kindName}`
    return refuse('/kind', `there is no kind ${shown}`, remedyAmong(kindName, names))
  }
  const problems = schemaProblems(documentSchema(kind), value)
  problems.push(...nulProblems(value, ''))
  if (problems.length > 0) return { problems }
  const { name, labels, owner, spec } = value as Partial<Document> & { name: string }
  const document = { kind: kind.kind, name, labels: labels ?? {}, owner: owner ?? '', spec: spec ?? {} }
  const found = kind.check?.(document) ?? []
  return found.length > 0 ? { problems: found } : { document, problems: [] }
}

function refuse(pointer: string, message: string, remedy: string): ReadResult {
  return { problems: [{ pointer, message, remedy }] }
}

/** PostgreSQL's jsonb cannot hold U+0000 or lone surrogates, and no Envoy field wants them. */
function nulProblems(value: unknown, pointer: string): Problem[] {
  if (typeof value === 'string') {
    if (!value.includes('\u0000') && value.isWellFormed()) return []
    return [{ pointer, message: 'the text holds a NUL or a lone surrogate', remedy: 'remove that character' }]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => nulProblems(item, `${pointer}/${escapePointer(key)}`))
}
