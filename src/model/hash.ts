import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { Duration } from './duration.ts'

/** A part of what keeps a client where it is (Envoy docs: RouteAction.HashPolicy). */
export const Hash = Type.Object(
  {
    on: Type.Enum(['client_ip', 'header', 'cookie', 'query'], {
      description: 'What is hashed.',
      examples: ['client_ip'],
    }),
    name: Type.Optional(
      Type.String({
        description: 'Name of the header, cookie or query parameter. Left out for client_ip.',
        pattern: '^[^\\s\\u0000-\\u001f\\u007f;=]+$',
        maxLength: 256,
        remedy: 'write a name without spaces, ";" and "="',
        examples: ['session'],
      }),
    ),
    ttl: Type.Optional(
      Duration({
        description:
          'For a cookie: Envoy gives one of this life to clients that have none; 0s lasts until the browser ends. Without it no cookie is given.',
        atLeast: '0s',
        atMost: '8760h',
        examples: ['1h'],
      }),
    ),
  },
  { additionalProperties: false, description: 'One value of the request.' },
)

export type Hash = Static<typeof Hash>

/** A field name or a cookie's name (RFC 9110, section 5.6.2, "token"). */
const token = /^[a-zA-Z0-9!#$%&'*+.^_`|~-]+$/

export function hashProblems(hash: readonly Hash[] | undefined, pointer: string): Problem[] {
  return (hash ?? []).flatMap(({ on, name, ttl }, index): Problem[] => {
    const at = `${pointer}/${index}`
    const problems: Problem[] = []
    if (on === 'client_ip' && name !== undefined) {
      problems.push({ pointer: `${at}/name`, message: 'client_ip has no name', remedy: 'remove it' })
    }
    if (on !== 'client_ip' && name === undefined) {
      problems.push({ pointer: `${at}/name`, message: `the name of the ${on} is missing`, remedy: 'add it' })
    }
    if ((on === 'header' || on === 'cookie') && name !== undefined && !token.test(name)) {
      const message = `"${name}" is not the name of a ${on}`
      problems.push({ pointer: `${at}/name`, message, remedy: 'write letters, digits, "-" and "_"' })
    }
    if (on !== 'cookie' && ttl !== undefined) {
      problems.push({
        pointer: `${at}/ttl`,
        message: `only a cookie has a life, not a ${on}`,
        remedy: 'remove it',
      })
    }
    return problems
  })
}
