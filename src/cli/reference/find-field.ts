import type { Kind } from '../../model/kind.ts'
import { suggest } from '../../model/suggest.ts'
import { Usage } from '../cli.ts'
import { documentField, type Field } from './field.ts'

/**
 * The field of a kind at a path such as `spec.forward.cluster`, with or without `[]` and numbers for items; `spec.` may
 * be left out. Throws `Usage` that says what is there instead.
 */
export function findField(kind: Kind, path: readonly string[]): Field {
  const root = documentField(kind)
  const tokens = path.map((token) => token.replace(/(\[\d*\])+$/, '')).filter((token) => !/^\d*$/.test(token))
  const [first] = tokens
  const inEnvelope = first === undefined || child(root, first) !== undefined
  let field = inEnvelope ? root : child(root, 'spec')!
  for (const token of tokens) {
    const next = child(field, token)
    if (next === undefined) throw unknown(kind, field, token)
    field = next
  }
  return field
}

/** The last part of a field's path. */
export function nameOf({ path }: Field): string {
  return path.split('.').at(-1)!
}

function child({ children }: Field, token: string): Field | undefined {
  return children.find((each) => nameOf(each) === token) ?? children.find((each) => nameOf(each) === '<key>')
}

function unknown(kind: Kind, field: Field, token: string): Usage {
  const names = field.children.map(nameOf)
  const place = [kind.kind, field.path].filter((part) => part !== '').join('.')
  if (names.length === 0) return new Usage(`${place} has no fields: it is a ${field.type}`)
  const meant = suggest(token, names)
  return new Usage(
    `${place} has no field "${token}": ${meant === undefined ? `it has ${names.join(', ')}` : `did you mean "${meant}"?`}`,
  )
}
