import type { TSchema } from 'typebox'
import { Clone, Default } from 'typebox/value'

const filled = new WeakMap<TSchema, WeakMap<object, unknown>>()

/**
 * A spec with the defaults of its schema filled in. The stored spec stays as its author wrote it. Stored objects never
 * change, so that each is filled in once, however many states and compiles it is part of; nobody may change the result.
 */
export function effective<Effective>(schema: TSchema, spec: object): Effective {
  const known = filled.get(schema) ?? new WeakMap<object, unknown>()
  filled.set(schema, known)
  const result = known.get(spec) ?? Default(schema, Clone(spec))
  known.set(spec, result)
  return result as Effective
}
