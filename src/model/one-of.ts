import type { Problem } from '../errors.ts'

/** A problem unless exactly one of the fields is there; `anyway` says that none is fine, too. */
export function oneOf(
  value: object,
  pointer: string,
  fields: readonly string[],
  anyway: 'one' | 'at most one' = 'one',
): Problem[] {
  const given = fields.filter((field) => Object.hasOwn(value, field))
  if (given.length === 1 || (given.length === 0 && anyway === 'at most one')) return []
  const message =
    given.length === 0
      ? `one of ${fields.join(', ')} is missing`
      : `${given.join(' and ')} cannot stand together`
  return [
    {
      pointer,
      message,
      remedy: `write ${anyway === 'one' ? 'exactly' : 'at most'} one of ${fields.join(', ')}`,
    },
  ]
}
