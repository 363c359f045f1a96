import type { Problem } from '../errors.ts'
import { type Document, envelope } from './document.ts'
import type { Kind } from './kind.ts'
import { schemaProblems } from './schema-problems.ts'
import { withSecretTexts } from './secret.ts'
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

/**
 * Turns a parsed value into a document, or says everything that is wrong with it. Secrets in clear are `SecretText`s from
 * here on.
 */
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
  problems.push(...unstorable(value, ''))
  if (problems.length > 0) return { problems }
  const { name, labels, owner, spec } = value as Partial<Document> & { name: string }
  const document = {
    kind: kind.kind,
    name,
    labels: labels ?? {},
    owner: owner ?? '',
    spec: withSecretTexts(kind.spec, spec ?? {}),
  }
  const found = kind.check?.(document) ?? []
  return found.length > 0 ? { problems: found } : { document, problems: [] }
}

function refuse(pointer: string, message: string, remedy: string): ReadResult {
  return { problems: [{ pointer, message, remedy }] }
}

/** What PostgreSQL's jsonb, or JSON itself, cannot hold: U+0000, lone surrogates, infinite numbers. */
function unstorable(value: unknown, pointer: string): Problem[] {
  if (typeof value === 'string') return textProblems(value, 'the text', pointer)
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return [{ pointer, message: `${value} is no number of JSON`, remedy: 'write a finite number' }]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => [
    ...textProblems(key, 'a key', pointer),
    ...unstorable(item, `${pointer}/${escapePointer(key)}`),
  ])
}

function textProblems(text: string, what: string, pointer: string): Problem[] {
  if (!text.includes('\u0000') && text.isWellFormed()) return []
  return [{ pointer, message: `${what} holds a NUL or a lone surrogate`, remedy: 'remove that character' }]
}
