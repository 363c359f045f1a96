import { isIP } from 'node:net'
import type { TSchema } from 'typebox'
import { durationProblem } from './duration.ts'

/** What a `format` demands beyond the schema's own keywords: the words that follow the field, or nothing. */
type FormatCheck = (value: string, schema: TSchema) => string | undefined

/** The formats that our schemas name. JSON Schema leaves them to the application (2020-12, section 7). */
export const formats: Record<string, FormatCheck> = {
  'weir-duration': (value, schema) => durationProblem(value, schema),
  'weir-ip': (value) => (isIP(value) === 0 ? 'is not an IPv4 or IPv6 address' : undefined),
}

/** Calls `visit` for every string of `value` whose schema names a format; what is of another type is passed over. */
export function eachFormatted(
  schema: TSchema,
  value: unknown,
  pointer: string,
  visit: (schema: TSchema & { format: string }, value: string, pointer: string) => void,
): void {
  const node = schema as TSchema & {
    format?: string
    properties?: Record<string, TSchema>
    items?: TSchema
    patternProperties?: Record<string, TSchema>
  }
  if (typeof value === 'string') {
    if (node.format !== undefined) visit(node as TSchema & { format: string }, value, pointer)
  } else if (Array.isArray(value)) {
    if (node.items === undefined) return
    for (const [index, item] of value.entries()) eachFormatted(node.items, item, `${pointer}/${index}`, visit)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const child = node.properties?.[key]
      if (child !== undefined) eachFormatted(child, item, `${pointer}/${escapePointer(key)}`, visit)
    }
  }
}

/** A key as one token of a JSON pointer (RFC 6901, section 3). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
