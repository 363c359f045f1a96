import type { TSchema } from 'typebox'
import { Clone, Default } from 'typebox/value'

/** A spec with the defaults of its schema filled in. The stored spec stays as its author wrote it. */
export function effective<Effective>(schema: TSchema, spec: unknown): Effective {
  return Default(schema, Clone(spec)) as Effective
}
