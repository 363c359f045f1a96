import { type TSchemaOptions, type TString, Type } from 'typebox'

/** Names of objects: DNS-like, so that they can stand in a URL, a header and a metric. */
export const namePattern = '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$'

const nameRemedy =
  'use 1 to 253 of the characters a-z, 0-9, "." and "-", starting and ending with a letter or digit'

/** Schema of an object's name, or of a reference to one. */
export function Name(options: TSchemaOptions = {}): TString {
  return Type.String({ pattern: namePattern, maxLength: 253, remedy: nameRemedy, ...options })
}
