import type { FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { WeirError } from '../errors.ts'
import { schemaProblems } from '../model/schema-problems.ts'
import type { AdminContext } from './context.ts'
import { valuesOf } from './read-documents.ts'

/** The JSON value in a request's body, as its schema wants it. Throws `malformed` for what is no JSON, and `invalid`. */
export async function jsonValueOf<Schema extends TSchema>(
  { parser }: AdminContext,
  request: FastifyRequest,
  schema: Schema,
): Promise<Static<Schema>> {
  const [value] = await valuesOf(request, parser, ['application/json'])
  const problems = schemaProblems(schema, value)
  if (problems.length > 0)
    throw new WeirError('invalid', 'The body is not what is wanted here.', { problems })
  return value as Static<Schema>
}
