import type { TSchema } from 'typebox'
import type { SchemaNode } from '../../src/model/walk.ts'
import type { Written } from './example.ts'
import { absent, changed, type Field, fieldsOf, placesOf, valueAt } from './schema-fields.ts'

/** A document with one mistake, and what must be said of it. */
export interface BadDocument {
  title: string
  document: object
  /** Where the mistake is. */
  pointer: string
  /** Where else something may be said because of the same mistake. */
  also?: string[]
  remedy?: RegExp
}

/** One mistake of each sort at the first place where one of the documents has each field. */
export function mistakes(kind: string, schema: TSchema, documents: readonly Written[]): BadDocument[] {
  return fieldsOf(schema).flatMap((field) => {
    if (field.path === '/kind') return []
    const document = documents.find((each) => each.kind === kind && placesOf(each, field.path).length > 0)
    if (document === undefined) return []
    const pointer = placesOf(document, field.path)[0]!
    return [
      ...missing(field, document, pointer),
      ...misspelt(field, document, pointer),
      ...ofAnotherType(field, document, pointer),
      ...outOfBounds(field, document, pointer),
      ...unknownValue(field, document, pointer),
    ].map((bad) => ({ ...bad, title: `${kind}${field.path}: ${bad.title}` }))
  })
}

function missing(field: Field, document: Written, pointer: string): BadDocument[] {
  if (field.optional || !isProperty(field)) return []
  return [{ title: 'is missing', document: changed(document, pointer, absent), pointer }]
}

function misspelt(field: Field, document: Written, pointer: string): BadDocument[] {
  const { additionalProperties } = field.around.at(-1) as SchemaNode & { additionalProperties?: unknown }
  if (!isProperty(field) || additionalProperties !== false) return []
  const key = pointer.slice(pointer.lastIndexOf('/') + 1)
  const parent = pointer.slice(0, pointer.lastIndexOf('/'))
  const wrong = oneLetterOff(key)
  const known = field.around.flatMap(({ properties = {} }) => Object.keys(properties))
  if (known.includes(wrong)) return []
  const value = valueAt(document, pointer)
  const inside = Object.entries((parent === '' ? document : valueAt(document, parent)) as object)
  const renamed = Object.fromEntries(
    inside.map(([name, item]) => (name === key ? [wrong, value] : [name, item])),
  )
  const bad = parent === '' ? renamed : changed(document, parent, renamed)
  const remedy = new RegExp(`"${key}"`)
  return [{ title: 'is misspelt', document: bad, pointer: `${parent}/${wrong}`, also: [pointer], remedy }]
}

function ofAnotherType({ node }: Field, document: Written, pointer: string): BadDocument[] {
  const takes = new Set((node.anyOf ?? [node]).map(typeOf))
  const others: [string, unknown][] = [
    ['string', 'text'],
    ['number', 4.5],
    ['boolean', false],
    ['array', ['text']],
    ['object', { odd: 1 }],
    ['null', null],
  ]
  return others
    .filter(([type]) => !takes.has(type))
    .slice(0, 2)
    .concat([['null', null]])
    .map(([type, value]) => ({
      title: `is of type ${type}`,
      document: changed(document, pointer, value),
      pointer,
    }))
}

function typeOf(node: SchemaNode): string {
  if (node.enum !== undefined) return typeof node.enum[0]
  if (node.const !== undefined) return typeof node.const
  return node.type === 'integer' ? 'number' : node.type!
}

type Bounded = SchemaNode & { minProperties?: number; maxProperties?: number }

function outOfBounds({ node }: Field, document: Written, pointer: string): BadDocument[] {
  const values = (node.anyOf ?? [node]).flatMap((branch) => beyond(branch, valueAt(document, pointer)))
  return values.map(([title, value]) => ({ title, document: changed(document, pointer, value), pointer }))
}

function beyond(node: Bounded, value: unknown): [string, unknown][] {
  const found: [string, unknown][] = []
  const { minimum, maximum, minLength, maxLength, atLeast, atMost, minItems, maxItems } = node
  if (minimum !== undefined) found.push([`is below ${minimum}`, minimum - 1])
  if (maximum !== undefined) found.push([`is above ${maximum}`, maximum + 1])
  if (minLength !== undefined && minLength > 0) found.push(['is too short', 'x'.repeat(minLength - 1)])
  if (maxLength !== undefined) found.push(['is too long', 'x'.repeat(maxLength + 1)])
  if (node.pattern !== undefined) found.push(['has a character that cannot be', 'a\u0001 \u007f'])
  if (node.format !== undefined) found.push(['is not well formed', '(?<%'])
  if (node.format === 'weir-duration') found.push(...aroundDurations(atLeast!, atMost!))
  if (node.format === 'weir-size') found.push([`is above ${atMost}`, '5GiB'])
  if (Array.isArray(value)) {
    if (minItems !== undefined && minItems > 0) found.push(['is empty', []])
    if (maxItems !== undefined && maxItems < 5_000) {
      found.push([`has more than ${maxItems} items`, Array(maxItems + 1).fill(value[0])])
    }
  } else if (typeof value === 'object' && value !== null && node.minProperties !== undefined) {
    found.push(['is empty', {}])
  }
  return found
}

function aroundDurations(atLeast: string, atMost: string): [string, unknown][] {
  const short: [string, unknown][] = /^0/.test(atLeast) ? [] : [[`is shorter than ${atLeast}`, '0s']]
  return [...short, [`is longer than ${atMost}`, '99999h']]
}

function unknownValue({ node }: Field, document: Written, pointer: string): BadDocument[] {
  const values = (node.enum ?? []).filter((value) => typeof value === 'string' && value.length > 2)
  return values.slice(0, 1).map((value) => ({
    title: 'has a misspelt value',
    document: changed(document, pointer, oneLetterOff(value as string)),
    pointer,
    remedy: new RegExp(`did you mean "${value as string}"`),
  }))
}

function isProperty({ path }: Field): boolean {
  return !/[*}]$/.test(path)
}

/** The last letter but one is left out, which is how fingers slip. */
function oneLetterOff(word: string): string {
  return word.length > 3 ? word.slice(0, -2) + word.slice(-1) : `${word}x`
}
