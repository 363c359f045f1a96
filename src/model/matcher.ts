import { Type } from 'typebox'
import type { Problem } from '../errors.ts'

export interface MatcherOptions {
  /** What is matched: `header`, `query parameter` or `cookie`. */
  what: string
  description: string
  /** Pattern of names. */
  pattern: string
  remedy: string
  example: string
  /** An empty list is refused: it would say nothing, or too much. */
  neverEmpty?: boolean
}

/** Conditions on named values of a request: all of them must hold. */
export function Matchers({ what, description, pattern, remedy, example, neverEmpty }: MatcherOptions) {
  const text = (how: string, minLength = 1) =>
    Type.Optional(
      Type.String({ description: `The ${what} ${how}.`, minLength, maxLength: 1024, examples: ['2'] }),
    )
  const Matcher = Type.Object(
    {
      name: Type.String({
        description: `Name of the ${what}.`,
        pattern,
        remedy,
        maxLength: 256,
        examples: [example],
      }),
      exact: text('equals this', 0),
      prefix: text('starts with this'),
      suffix: text('ends with this'),
      contains: text('contains this'),
      regex: Type.Optional(
        Type.String({
          description: `The whole ${what} matches this RE2 expression.`,
          format: 'weir-regex',
          minLength: 1,
          maxLength: 1024,
          remedy: 'write an RE2 expression (no look-around, no back-references)',
          examples: ['v[0-9]+'],
        }),
      ),
      present: Type.Optional(
        Type.Literal(true, { description: `The ${what} is there, whatever its value.` }),
      ),
      invert: Type.Optional(
        Type.Boolean({
          description: `The condition must not hold; without the ${what} it does not.`,
          default: false,
        }),
      ),
    },
    {
      additionalProperties: false,
      description: 'One condition: exactly one of exact, prefix, suffix, contains, regex, present.',
    },
  )
  const bounds = neverEmpty ? { minItems: 1 } : { default: [] }
  return Type.Optional(Type.Array(Matcher, { description, maxItems: 32, ...bounds }))
}

export interface Matcher {
  name: string
  exact?: string
  prefix?: string
  suffix?: string
  contains?: string
  regex?: string
  present?: true
  invert?: boolean
}

const conditions = ['exact', 'prefix', 'suffix', 'contains', 'regex', 'present']

/** Each matcher has exactly one condition besides `name` and `invert`. */
export function matcherProblems(matchers: readonly object[] | undefined, pointer: string): Problem[] {
  return (matchers ?? []).flatMap((matcher, index) => {
    const given = conditions.filter((condition) => Object.hasOwn(matcher, condition))
    if (given.length === 1) return []
    const message = given.length === 0 ? 'no condition is given' : `${given.join(' and ')} are given together`
    return [
      { pointer: `${pointer}/${index}`, message, remedy: `write exactly one of ${conditions.join(', ')}` },
    ]
  })
}
