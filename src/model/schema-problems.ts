import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Settings } from 'typebox/system'
import type { Problem } from '../errors.ts'
import { formats } from './formats.ts'
import { remedyAmong } from './suggest.ts'
import { isText } from './text-field.ts'
import { escapePointer, type SchemaNode, walk } from './walk.ts'

interface SchemaError {
  keyword: string
  schemaPath: string
  instancePath: string
  params: Record<string, unknown>
  message: string
}

// TypeBox stops at 8 by default, and everything that is wrong is to be told at once.
Settings.Set({ maxErrors: 1_000 })

const validators = new WeakMap<TSchema, Validator>()

/**
 * Everything that is wrong with `value` by `schema`, one problem a place, each with its remedy:
 * the schema's own `remedy` where it has one, else one made from the keyword that failed.
 */
export function schemaProblems(schema: TSchema, value: unknown): Problem[] {
  let validator = validators.get(schema)
  if (validator === undefined) {
    validator = Compile(schema)
    validators.set(schema, validator)
  }
  const errors = validator.Check(value) ? [] : (validator.Errors(value) as SchemaError[])
  const found = errors.flatMap((error) => problemsOf(schema, value, error))
  const byPointer = new Map<string, Problem>()
  for (const problem of [...found, ...formatProblems(schema, value)]) {
    if (!byPointer.has(problem.pointer)) byPointer.set(problem.pointer, problem)
  }
  return [...byPointer.values()]
}

function formatProblems(schema: TSchema, value: unknown): Problem[] {
  const problems: Problem[] = []
  walk(schema, value, '', (node, text, pointer) => {
    if (typeof text !== 'string') return
    const format = node.format ?? node.anyOf?.find(({ type }) => type === 'string')?.format
    const wrong = format === undefined ? undefined : formats[format]?.(text, node)
    if (wrong === undefined) return
    problems.push({
      pointer,
      message: `${label(pointer)} ${wrong}`,
      remedy: node.remedy ?? 'correct the value',
    })
  })
  return problems
}

function problemsOf(schema: TSchema, value: unknown, error: SchemaError): Problem[] {
  const node = nodeAt(schema, error.schemaPath)
  const pointer = error.instancePath
  // Beside a secret it may be the secret itself, put into the wrong field.
  const quoted = besideSecret(schema, error.schemaPath) ? () => 'what is written there' : shown
  // Which branch of a choice is meant is asked once, at the choice.
  if (error.schemaPath.includes('/anyOf/')) return []
  switch (error.keyword) {
    case 'anyOf':
      return choiceProblems(node, pointer, at(value, pointer))
    case 'boolean': // the false schema behind additionalProperties, which is reported by itself
      return []
    case 'additionalProperties':
      return unknownFields(node, pointer, error.params.additionalProperties as string[])
    case 'required':
      return (error.params.requiredProperties as string[]).map((name) => ({
        pointer: `${pointer}/${escapePointer(name)}`,
        message: `"${name}" is missing`,
        remedy: `add it${exampleOf(node.properties?.[name])}`,
      }))
    case 'enum':
    case 'const': {
      const allowed = (error.params.allowedValues ?? [error.params.allowedValue]) as unknown[]
      const given = at(value, pointer)
      return [
        {
          pointer,
          message: `${label(pointer)} cannot be ${quoted(given)}`,
          remedy: remedyAmong(given, allowed.map(String)),
        },
      ]
    }
    case 'type':
      return [
        {
          pointer,
          message: `${label(pointer)} must be ${withArticle(node.type ?? 'of another type')}, not ${typeOf(at(value, pointer))}`,
          remedy: node.remedy ?? `write ${withArticle(node.type ?? 'another value')}${exampleOf(node)}`,
        },
      ]
    case 'uniqueItems':
      return [{ pointer, message: `${label(pointer)} names something twice`, remedy: 'write each item once' }]
    default:
      return [
        {
          pointer,
          message: `${label(pointer)} ${error.keyword === 'pattern' ? `cannot be ${quoted(at(value, pointer))}` : error.message}`,
          remedy: node.remedy ?? boundsRemedy(node) ?? `correct the value${exampleOf(node)}`,
        },
      ]
  }
}

/** What is wrong by the branch that is meant, where the type says which; of a secret only that it is wrong. */
function choiceProblems(node: SchemaNode, pointer: string, given: unknown): Problem[] {
  const branch =
    node.secret === undefined ? node.anyOf?.find(({ type }) => type === jsonType(given)) : undefined
  if (branch !== undefined) {
    const inside = schemaProblems(branch, given)
    return inside.map((problem) => ({
      ...problem,
      pointer: pointer + problem.pointer,
      message:
        problem.pointer === '' ? problem.message.replace(/^the document/, label(pointer)) : problem.message,
      remedy: problem.pointer === '' ? (node.remedy ?? problem.remedy) : problem.remedy,
    }))
  }
  const message = `${label(pointer)} is not what is wanted here`
  return [{ pointer, message, remedy: node.remedy ?? 'correct the value' }]
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

/** Whether the failing field is one of an object that holds a secret, too. */
function besideSecret(schema: TSchema, schemaPath: string): boolean {
  const parent = nodeAt(schema, schemaPath.replace(/\/properties\/[^/]+$/, ''))
  return Object.values(parent.properties ?? {}).some(({ secret }) => secret !== undefined)
}

function unknownFields(node: SchemaNode, pointer: string, names: string[]): Problem[] {
  const known = Object.keys(node.properties ?? {})
  return names.map((name) => {
    const place = `${pointer}/${escapePointer(name)}`
    const lower = name.toLowerCase()
    if (lower !== name && isKey(node, lower)) {
      const remedy = `write it in lower case: ${shown(lower)}`
      return { pointer: place, message: `the key ${shown(name)} is not in lower case`, remedy }
    }
    return {
      pointer: place,
      message: known.length > 0 ? `unknown field ${shown(name)}` : `the key ${shown(name)} is not allowed`,
      remedy:
        fileRemedy(name, node) ??
        (known.length > 0 ? remedyAmong(name, known) : (node.remedy ?? 'remove it')),
    }
  })
}

/** Whether a map takes a key of this name. */
function isKey({ patternProperties = {} }: SchemaNode, name: string): boolean {
  return Object.keys(patternProperties).some((pattern) => new RegExp(pattern, 'u').test(name))
}

/** Files are read where the document lies: by the CLI and for WEIR_CONFIG, never by the server. */
function fileRemedy(name: string, { properties = {} }: SchemaNode): string | undefined {
  const field = name.replace(/File$/, '')
  if (field === name || !Object.hasOwn(properties, field) || !isText(properties[field]!)) return undefined
  return `send the file's text as "${field}"; only the CLI and WEIR_CONFIG read ${name}`
}

/** Resolves a schema path such as `#/properties/match/properties/path`. */
function nodeAt(schema: TSchema, path: string): SchemaNode {
  const found = at(schema, path.replace(/^#/, ''))
  return (typeof found === 'object' && found !== null ? found : schema) as SchemaNode
}

function at(value: unknown, pointer: string): unknown {
  let current = value
  for (const token of pointer.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    current = Object.hasOwn(current, key) ? (current as Record<string, unknown>)[key] : undefined
  }
  return current
}

function label(pointer: string): string {
  const last = pointer.split('/').at(-1)!
  return last === '' ? 'the document' : /^[0-9]+$/.test(last) ? `item ${last}` : `"${last}"`
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}

function boundsRemedy(node: SchemaNode): string | undefined {
  if (node.minItems !== undefined || node.maxItems !== undefined) {
    return `write a list of ${node.minItems ?? 0} to ${node.maxItems ?? 'any number of'} items`
  }
  if (node.minimum === undefined && node.maximum === undefined) return undefined
  return `use ${withArticle(node.type ?? 'number')} from ${node.minimum ?? '-infinity'} to ${node.maximum ?? 'infinity'}`
}

function exampleOf(node: TSchema | undefined): string {
  const example = (node as { examples?: unknown[] } | undefined)?.examples?.[0]
  return example === undefined ? '' : `, for example ${JSON.stringify(example)}`
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a fraction'
  return Array.isArray(value) ? 'a list' : withArticle(typeof value)
}

function withArticle(type: string): string {
  if (type === 'array') return 'a list'
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}
