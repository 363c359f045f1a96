import { Type } from 'typebox'
import type { SchemaNode } from './walk.ts'

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
}

/** Schema of a secret: its clear value on the way in, `{secretRef}` ever after. */
export function Secret(options: SecretOptions) {
  const { minLength = 1, maxLength, format, ...shared } = options
  return Type.Unsafe<string | SecretRef>({
    ...shared,
    anyOf: [
      { type: 'string', minLength, maxLength, ...(format === undefined ? {} : { format }) },
      {
        type: 'object',
        properties: { secretRef: { type: 'string', pattern: '^[0-9a-f-]{36}$' } },
        required: ['secretRef'],
        additionalProperties: false,
      },
    ],
  })
}

export function isSecretRef(value: unknown): value is SecretRef {
  return typeof value === 'object' && value !== null && 'secretRef' in value
}
