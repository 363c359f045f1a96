import fc from 'fast-check'
import type { Kind } from '../../src/model/kind.ts'
import type { SchemaNode } from '../../src/model/walk.ts'
import type { Written } from './example.ts'

/**
 * Documents like the given ones of a kind in which some fields have any other value of their schema, or none. Some break
 * a rule that the schema cannot say, so that whoever asks has them judged.
 */
export function arbitraryDocument(kind: Kind, seeds: readonly Written[]): fc.Arbitrary<Written> {
  const node = kind.spec as SchemaNode
  const names = Object.keys(node.properties ?? {})
  const fields = fc.subarray(names, { maxLength: Math.min(4, names.length) })
  return fc
    .record({ seed: fc.constantFrom(...seeds), other: arbitrary(node), fields })
    .map(({ seed, other, fields }) => ({ ...seed, spec: replaced(seed.spec, other as object, fields) }))
}

function replaced(spec: object, other: object, fields: readonly string[]): Written['spec'] {
  const kept = Object.entries(spec).filter(([key]) => !fields.includes(key))
  return Object.fromEntries([...kept, ...Object.entries(other).filter(([key]) => fields.includes(key))])
}

function arbitrary(node: SchemaNode): fc.Arbitrary<unknown> {
  if (node.secret !== undefined) return fc.constant({ secretRef: '5b0a1f6e-2f0c-4a52-8a57-6a2f0f8f3c11' })
  if (node.anyOf !== undefined) return fc.oneof(...node.anyOf.map(arbitrary))
  if (node.const !== undefined) return fc.constant(node.const)
  if (node.enum !== undefined) return fc.constantFrom(...node.enum)
  switch (node.type) {
    case 'object':
      return object(node)
    case 'array':
      return fc.array(arbitrary(node.items!), {
        minLength: node.minItems ?? 0,
        maxLength: (node.minItems ?? 0) + 1,
      })
    case 'boolean':
      return fc.boolean()
    default:
      return fc.constantFrom(...leaves(node))
  }
}

function object(node: SchemaNode): fc.Arbitrary<unknown> {
  const {
    properties,
    patternProperties,
    required = [],
    examples,
    maxProperties,
  } = node as SchemaNode & {
    maxProperties?: number
  }
  if (properties === undefined && patternProperties === undefined) return fc.constant({})
  if (properties === undefined) {
    const [value] = Object.values(patternProperties!)
    const keys = examples?.flatMap((example) => Object.keys(example as object)) ?? ['x-tier']
    return fc.dictionary(fc.constantFrom(...keys), arbitrary(value!), { minKeys: 1, noNullPrototype: true })
  }
  const fields = Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, arbitrary(child)]))
  if (maxProperties === 1)
    return fc.oneof(...Object.entries(fields).map(([key, value]) => value.map((item) => ({ [key]: item }))))
  return fc.record(fields, { requiredKeys: required, noNullPrototype: true })
}

function leaves(node: SchemaNode): unknown[] {
  const bounds = node.type === 'string' ? [node.atLeast, node.atMost] : [node.minimum, node.maximum]
  const known = [...(node.examples ?? []), node.default, ...bounds].filter((value) => value !== undefined)
  return known.length > 0 ? known : ['text-of-no-example']
}
