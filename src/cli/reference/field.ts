import type { Kind } from '../../model/kind.ts'
import { documentSchema } from '../../model/read-document.ts'
import { isText } from '../../model/text-field.ts'
import type { SchemaNode } from '../../model/walk.ts'

/** What a schema says of one field, in words. */
export interface Field {
  /** From the document's root, as in `spec.forward[].cluster`; `<key>` stands for any key of a map. */
  path: string
  /** A list of integers is `integer[]`. */
  type: string
  required: boolean
  description: string
  /** As it is written in YAML's flow style. */
  default?: string
  bounds: string[]
  /** Units that a number may be written in. */
  unit?: string
  values?: string[]
  example?: string
  /** How the value is kept, for a secret. */
  secret?: 'encrypted' | 'hashed'
  /** The field that names a file with the text, for the CLI and WEIR_CONFIG. */
  file?: string
  delivery: Delivery
  children: Field[]
}

/** Whether Envoy gets the field. */
export type Delivery =
  | { state: 'delivered' }
  /** Of some values only: the others have these effects. */
  | { state: 'partly'; effects: Record<string, string> }
  | { state: 'pending'; effect: string }
  /** Read by weir alone. */
  | { state: 'control_plane' }

/** The whole document of a kind as a field; its path is empty. */
export function documentField(kind: Kind): Field {
  return fieldOf(documentSchema(kind) as SchemaNode, '', true, undefined)
}

/** All fields of a kind, parents first, without the document itself. */
export function allFields(kind: Kind): Field[] {
  const flat = (field: Field): Field[] => [field, ...field.children.flatMap(flat)]
  return documentField(kind).children.flatMap(flat)
}

function fieldOf(node: SchemaNode, path: string, required: boolean, above: Delivery | undefined): Field {
  const delivery = deliveryOf(node, above)
  const item = innermost(node)
  const lists = '[]'.repeat(item.depth)
  const unit = unitOf(item.node)
  const values = valuesOf(item.node)
  const example = exampleOf(node)
  return {
    path,
    type: `${typeOf(item.node)}${lists}`,
    required,
    description: node.description ?? '',
    ...(node.default === undefined ? {} : { default: JSON.stringify(node.default) }),
    bounds: boundsOf(node),
    ...(unit === undefined ? {} : { unit }),
    ...(values === undefined ? {} : { values }),
    ...(example === undefined ? {} : { example: shown(example) }),
    ...(node.secret === undefined ? {} : { secret: node.secret }),
    ...(isText(node) ? { file: `${path.split('.').at(-1)}File` } : {}),
    delivery,
    children: childrenOf(item.node, `${path}${lists}`, inherited(delivery)),
  }
}

/** What is inside of lists, and how many of them. */
function innermost(node: SchemaNode): { node: SchemaNode; depth: number } {
  if (node.items === undefined) return { node, depth: 0 }
  const { node: inner, depth } = innermost(node.items)
  return { node: inner, depth: depth + 1 }
}

function childrenOf(node: SchemaNode, path: string, above: Delivery | undefined): Field[] {
  // An alternative's fields are the field's; a secret's other form is made by weir alone.
  const variants = node.secret === undefined ? [node, ...(node.anyOf ?? [])] : []
  return variants.flatMap(({ properties = {}, patternProperties = {}, required = [] }) => [
    ...Object.entries(properties).map(([name, child]) =>
      fieldOf(child, path === '' ? name : `${path}.${name}`, required.includes(name), above),
    ),
    ...Object.values(patternProperties).map((child) => fieldOf(child, `${path}.<key>`, false, above)),
  ])
}

function typeOf(node: SchemaNode): string {
  const { type, format, anyOf, patternProperties, secret } = node
  if (secret !== undefined) return 'secret string'
  if (anyOf !== undefined) return [...new Set(anyOf.map((each) => typeOf(each as SchemaNode)))].join(' or ')
  if (format !== undefined) return formatNames[format] ?? 'string'
  if (patternProperties !== undefined) return 'map'
  return type ?? typeof (node.const ?? node.enum?.[0])
}

const formatNames: Record<string, string> = {
  'weir-duration': 'duration',
  'weir-size': 'size',
  'weir-ip': 'IP address',
  'weir-host': 'IP address or host name',
  'weir-cidr': 'IP address or CIDR block',
  'weir-regex': 'RE2 expression',
  'weir-url': 'URL',
  'weir-certificate': 'PEM text',
}

function unitOf({ format }: SchemaNode): string | undefined {
  return format === 'weir-duration' ? 'ms, s, m, h' : format === 'weir-size' ? 'B, KiB, MiB, GiB' : undefined
}

function valuesOf(node: SchemaNode): string[] | undefined {
  const values = node.const !== undefined ? [node.const] : node.enum
  return values?.map(String)
}

function boundsOf(node: SchemaNode): string[] {
  const { node: item, depth } = innermost(node)
  const text = item.secret === undefined ? item : item.anyOf?.find(({ type }) => type === 'string')
  const { minProperties, maxProperties } = item as { minProperties?: number; maxProperties?: number }
  // What a pattern means is said by what is told to somebody whose text does not fit it.
  const remedy = item.pattern === undefined || item.format !== undefined ? undefined : item.remedy
  const inner = [
    span(minProperties, maxProperties, item.patternProperties === undefined ? 'fields' : 'keys'),
    span(item.minimum ?? item.atLeast, item.maximum ?? item.atMost, ''),
    isClosed(item) || /characters/.test(remedy ?? '')
      ? undefined
      : span(text?.minLength, text?.maxLength, 'characters'),
    remedy,
  ].filter((bound) => bound !== undefined)
  if (depth === 0) return inner
  const items = span(node.minItems, node.maxItems, 'items')
  return [...(items === undefined ? [] : [items]), ...inner.map((bound) => `each: ${bound}`)]
}

/** Its values are listed. */
function isClosed(node: SchemaNode): boolean {
  return node.const !== undefined || node.enum !== undefined
}

function span(
  low: number | string | undefined,
  high: number | string | undefined,
  noun: string,
): string | undefined {
  if (low === undefined && high === undefined) return undefined
  const range =
    high === undefined ? `at least ${low}` : low === undefined ? `at most ${high}` : `${low} to ${high}`
  return `${range} ${noun}`.trim()
}

/** The schema's own; of a list or an alternative without one, one made of what is inside. */
function exampleOf(node: SchemaNode): unknown {
  if (node.examples !== undefined) return node.examples[0]
  if (node.secret !== undefined) return undefined
  const inner = node.items === undefined ? undefined : exampleOf(node.items)
  return inner === undefined ? undefined : [inner]
}

function shown(example: unknown): string {
  return typeof example === 'string' ? example : JSON.stringify(example)
}

function deliveryOf(node: SchemaNode, above: Delivery | undefined): Delivery {
  if (above !== undefined) return above
  if (node.controlPlane === true) return { state: 'control_plane' }
  if (node.pending !== undefined) return { state: 'pending', effect: node.pending }
  const { pendingValues } = innermost(node).node
  return pendingValues === undefined ? { state: 'delivered' } : { state: 'partly', effects: pendingValues }
}

/** What is not delivered is not delivered in any part. */
function inherited(delivery: Delivery): Delivery | undefined {
  return delivery.state === 'pending' || delivery.state === 'control_plane' ? delivery : undefined
}

/** Whether Envoy gets the field, in words. */
export function deliveryText(delivery: Delivery): string {
  switch (delivery.state) {
    case 'delivered':
      return 'yes'
    case 'control_plane':
      return 'read by weir alone'
    case 'pending':
      return `not yet: ${delivery.effect}`
    case 'partly':
      return Object.entries(delivery.effects)
        .map(([value, effect]) => `${value} not yet: ${effect}`)
        .join('; ')
  }
}
