import { type TSchemaOptions, Type } from 'typebox'

/** A cookie's name is a token (RFC 6265, section 4.1.1; RFC 9110, section 5.6.2). */
export const cookieNamePattern = "^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,256}$"

export const cookieNameRemedy = 'write the name of a cookie, for example session'

export function CookieName(options: TSchemaOptions = {}) {
  return Type.String({
    pattern: cookieNamePattern,
    maxLength: 256,
    remedy: cookieNameRemedy,
    examples: ['session'],
    ...options,
  })
}
