import type { Kind } from '../model/kind.ts'
import { isText } from '../model/text-field.ts'
import { childOf, escapePointer, type SchemaNode } from '../model/walk.ts'
import { readBeside } from './read-beside.ts'

export interface InlineProblem {
  pointer: string
  message: string
  remedy: string
}

export interface Inlined {
  value: unknown
  problems: InlineProblem[]
}

/**
 * A document with the texts of the files that it names: `certificateFile: shop.pem` becomes `certificate: <text>`. So it
 * is for each text or secret field `<x>` of the kind's schema that has no `<x>File` of its own. What the schema does not
 * know is left for the one who checks the document.
 */
export function inlineFiles(value: unknown, folder: string | undefined, kinds: readonly Kind[]): Inlined {
  const { kind: name, spec } = (typeof value === 'object' ? (value ?? {}) : {}) as Record<string, unknown>
  const kind = kinds.find(({ kind }) => kind === name)
  if (kind === undefined) return { value, problems: [] }
  const problems: InlineProblem[] = []
  const inlined = inline(kind.spec as SchemaNode, spec, '/spec', (path, { name, field, given }, pointer) => {
    const { text, problem } = given
      ? { problem: { message: `"${name}" is given, too`, remedy: 'write one of the two' } }
      : readBeside(folder, path, maxBytesOf(field))
    if (problem !== undefined) problems.push({ pointer, ...problem })
    return text === undefined ? undefined : withoutLastBreak(text, field)
  })
  return inlined === spec ? { value, problems } : { value: { ...(value as object), spec: inlined }, problems }
}

type Read = (path: string, target: Target, pointer: string) => string | undefined

/** The field that a key such as `certificateFile` stands for, and whether it is given beside that. */
interface Target {
  name: string
  field: SchemaNode
  given: boolean
}

/** The same value where nothing in it names a file. */
function inline(node: SchemaNode, value: unknown, pointer: string, read: Read): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const { items } = node
    if (items === undefined) return value
    const inlined = value.map((item, index) => inline(items, item, `${pointer}/${index}`, read))
    return inlined.some((item, index) => item !== value[index]) ? inlined : value
  }
  const before = Object.entries(value)
  const after = before.map(([key, item]): [string, unknown] => {
    const at = `${pointer}/${escapePointer(key)}`
    const target = fileTarget(node, key, value)
    if (target !== undefined && typeof item === 'string') {
      const text = read(item, target, at)
      return text === undefined ? [key, item] : [target.name, text]
    }
    const child = childOf(node, key)
    return [key, child === undefined ? item : inline(child, item, at, read)]
  })
  const same = after.every(([key, item], index) => key === before[index]![0] && item === before[index]![1])
  return same ? value : Object.fromEntries(after)
}

function fileTarget(node: SchemaNode, key: string, value: object): Target | undefined {
  const name = key.replace(/File$/, '')
  const properties = node.properties ?? {}
  if (name === key || Object.hasOwn(properties, key) || !Object.hasOwn(properties, name)) return undefined
  const field = properties[name]!
  return isText(field) ? { name, field, given: Object.hasOwn(value, name) } : undefined
}

const defaultMaxBytes = 1024 * 1024

/** A character of the schema's bound is at most four bytes of UTF-8. */
function maxBytesOf({ maxLength, anyOf }: SchemaNode): number {
  const length = maxLength ?? anyOf?.find(({ type }) => type === 'string')?.maxLength
  return length === undefined ? defaultMaxBytes : length * 4
}

/** PEM is kept as it is; of a key or another text the line break that editors put at its end is no part. */
function withoutLastBreak(text: string, { format, anyOf }: SchemaNode): string {
  const form = format ?? anyOf?.find(({ type }) => type === 'string')?.format
  return form === undefined ? text.replace(/\r?\n$/, '') : text
}
