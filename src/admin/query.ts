import { type TProperties, type TSchema, Type } from 'typebox'
import { type Problem, WeirError } from '../errors.ts'
import { schemaProblems } from '../model/schema-problems.ts'
import type { SchemaNode } from '../model/walk.ts'

/** Schema of a route's query parameters; an unknown one is refused, since ignoring it would promise too much. */
export function Query<Properties extends TProperties>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false })
}

/** Reads the parameters by their schema: numbers from digits, booleans from their words. Fastify calls it as its validator. */
export function queryReader(schema: TSchema): (query: unknown) => { value: unknown } | { error: Error } {
  return (query) => {
    const value = Object.fromEntries(
      Object.entries(query as Record<string, unknown>).map(([name, given]) => [
        name,
        typed(schema, name, given),
      ]),
    )
    const problems = schemaProblems(schema, value).map((problem) => asParameter(problem, schema))
    if (problems.length === 0) return { value }
    return { error: new WeirError('malformed', 'The query parameters are not valid.', { problems }) }
  }
}

function typed(schema: TSchema, name: string, given: unknown): unknown {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> }
  const type = Object.hasOwn(properties, name) ? properties[name]!.type : undefined
  if (type === 'integer' && typeof given === 'string' && /^\d{1,15}$/.test(given)) return Number(given)
  if (type === 'boolean' && (given === 'true' || given === 'false')) return given === 'true'
  return given
}

/** A parameter has no place in a document; the message names it. */
function asParameter({ pointer, message, remedy }: Problem, schema: TSchema): Problem {
  const name = pointer.slice(1)
  const { properties = {} } = schema as SchemaNode
  const node = Object.hasOwn(properties, name) ? properties[name]! : undefined
  if (node?.type === 'integer' && node.maximum !== undefined) {
    const bounds = `from ${node.minimum ?? 0} to ${node.maximum}`
    const example = node.examples?.[0] ?? node.default ?? node.maximum
    return {
      pointer: '',
      message: `"${name}" must be a whole number ${bounds}`,
      remedy: `write it in digits, for example ${example}`,
    }
  }
  const told = message
    .replace(/^unknown field/, 'unknown query parameter')
    .replace(/^the key "/, 'unknown query parameter "')
  return {
    pointer: '',
    message: told.replace(/ is not allowed$/, ''),
    remedy: remedy === 'remove it' ? 'leave it out: this URL has no query parameters' : remedy,
  }
}
