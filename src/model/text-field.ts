import type { SchemaNode } from './walk.ts'

/** From this bound on a text is long enough to be kept in a file of its own. */
const longText = 4_096

/**
 * Whether a field is a secret or a long free text: `<field>File` then names a file with it, for the CLI and
 * WEIR_CONFIG.
 */
export function isText({ secret, type, enum: values, pattern, maxLength = 0 }: SchemaNode): boolean {
  if (secret !== undefined) return true
  return type === 'string' && values === undefined && pattern === undefined && maxLength >= longText
}
