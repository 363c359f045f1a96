import { type TSchemaOptions, Type } from 'typebox'

/** As tokens of HTTP (RFC 9110, section 9.1) those in use: upper case. */
export const methodPattern = '^[A-Z]{1,32}$'

export function HttpMethod(options: TSchemaOptions = {}) {
  return Type.String({
    description: 'An HTTP method.',
    pattern: methodPattern,
    maxLength: 32,
    remedy: 'write a method in upper case, for example GET',
    examples: ['GET'],
    ...options,
  })
}
