import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Settings } from 'typebox/system'
import type { Problem } from '../errors.ts'
import { eachFormatted, escapePointer, formats } from './formats.ts'
import { remedyAmong } from './suggest.ts'

interface SchemaError {
  keyword: string
  schemaPath: string
  instancePath: string
  params: Record<string, unknown>
  message: string
}

type Node = TSchema & {
  type?: string
  remedy?: string
  properties?: Record<string, TSchema>
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
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
  eachFormatted(schema, value, '', (node, text, pointer) => {
    const wrong = formats[node.format]?.(text, node)
    if (wrong === undefined) return
    const { remedy } = node as Node
    problems.push({ pointer, message: `${label(pointer)} ${wrong}`, remedy: remedy ?? 'correct the value' })
  })
  return problems
}

function problemsOf(schema: TSchema, value: unknown, error: SchemaError): Problem[] {
  const node = nodeAt(schema, error.schemaPath)
  const pointer = error.instancePath
  switch (error.keyword) {
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
          message: `${label(pointer)} cannot be ${shown(given)}`,
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
    default:
      return [
        {
          pointer,
          message: `${label(pointer)} ${error.keyword === 'pattern' ? `cannot be ${shown(at(value, pointer))}` : error.message}`,
          remedy: node.remedy ?? boundsRemedy(node) ?? `correct the value${exampleOf(node)}`,
        },
      ]
  }
}

function unknownFields(node: Node, pointer: string, names: string[]): Problem[] {
  const known = Object.keys(node.properties ?? {})
  return names.map((name) => ({
    pointer: `${pointer}/${escapePointer(name)}`,
    message: known.length > 0 ? `unknown field ${shown(name)}` : `the key ${shown(name)} is not allowed`,
    remedy: known.length > 0 ? remedyAmong(name, known) : (node.remedy ?? 'remove it'),
  }))
}

/** Resolves a schema path such as `#/properties/match/properties/path`. */
function nodeAt(schema: TSchema, path: string): Node {
  const found = at(schema, path.replace(/^#/, ''))
  return (typeof found === 'object' && found !== null ? found : schema) as Node
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

function boundsRemedy(node: Node): string | undefined {
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
  return Array.isArray(value) ? 'a list' : withArticle(typeof value)
}

function withArticle(type: string): string {
  if (type === 'array') return 'a list'
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}
