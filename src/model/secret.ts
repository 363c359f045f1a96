import { type TSchema, Type } from 'typebox'
import { SecretText } from './secret-text.ts'
import { childOf, escapePointer, type SchemaNode } from './walk.ts'

/** What stands in a stored document in place of a secret value. */
export interface SecretRef {
  secretRef: string
}

export interface SecretOptions {
  description: string
  /** `encrypted` can be had back in clear by weir, `hashed` can only be compared. */
  secret: NonNullable<SchemaNode['secret']>
  minLength?: number
  maxLength: number
  format?: string
  remedy: string
  pending?: string
  keyOf?: string
}

/** Schema of a secret: its clear value on the way in (a `SecretText` once it is read), `{secretRef}` ever after. */
export function Secret(options: SecretOptions) {
  const { minLength = 1, maxLength, format, ...shared } = options
  return Type.Unsafe<SecretText | SecretRef>({
    ...shared,
    anyOf: [
      { type: 'string', minLength, maxLength, ...(format === undefined ? {} : { format }) },
      {
        type: 'object',
        properties: {
          secretRef: {
            type: 'string',
            description: 'Names the stored value.',
            pattern: '^[0-9a-f-]{36}$',
            maxLength: 36,
          },
        },
        required: ['secretRef'],
        additionalProperties: false,
      },
    ],
  })
}

export function isSecretRef(value: unknown): value is SecretRef {
  return typeof value === 'object' && value !== null && 'secretRef' in value
}

/** A secret of a document: where it stands and how it is to be kept. */
export interface FoundSecret {
  how: NonNullable<SchemaNode['secret']>
  value: unknown
  /** JSON pointer to it. */
  pointer: string
  /** The same, with `id=main` for the index of an item that has an id, so that it stays when items change places. */
  place: string
  /** JSON pointer to the certificate that a private key is of. */
  certificate?: string
}

/** A copy of `value` in which each secret is what `map` answers for it. */
export function mapSecrets(
  schema: TSchema,
  value: unknown,
  map: (found: FoundSecret) => unknown,
  pointer = '',
  place = '',
): unknown {
  const { secret: how, keyOf, items } = schema as SchemaNode
  if (how !== undefined) {
    const certificate = keyOf === undefined ? {} : { certificate: pointer.replace(/[^/]*$/, keyOf) }
    return map({ how, value, pointer, place, ...certificate })
  }
  if (Array.isArray(value)) {
    if (items === undefined) return value
    return value.map((item, index) =>
      mapSecrets(items, item, map, `${pointer}/${index}`, `${place}/${placeOf(item, index)}`),
    )
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const child = childOf(schema, key)
      const token = `/${escapePointer(key)}`
      return [key, child === undefined ? item : mapSecrets(child, item, map, pointer + token, place + token)]
    }),
  )
}

function placeOf(item: unknown, index: number): string {
  const id = (item as { id?: unknown } | null)?.id
  return typeof id === 'string' ? `id=${escapePointer(id)}` : String(index)
}

/** Whether there is any secret in what the schema describes. */
export function hasSecrets(schema: TSchema): boolean {
  const { secret, items, properties = {}, patternProperties = {}, anyOf = [] } = schema as SchemaNode
  if (secret !== undefined) return true
  const inner = [...(items === undefined ? [] : [items]), ...anyOf]
  return [...inner, ...Object.values(properties), ...Object.values(patternProperties)].some(hasSecrets)
}

/** The spec with each clear secret wrapped, so that nothing that sees it from here on can tell it by accident. */
export function withSecretTexts<Spec>(schema: TSchema, spec: Spec): Spec {
  if (!hasSecrets(schema)) return spec
  return mapSecrets(schema, spec, ({ value }) =>
    typeof value === 'string' ? new SecretText(value) : value,
  ) as Spec
}
