import { Type } from 'typebox'
import type { Confirmation } from '../model/confirmation.ts'

export const Problem = Type.Object(
  {
    type: Type.String({ examples: ['urn:weir:problem:invalid'] }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    errors: Type.Array(
      Type.Object({
        document: Type.Optional(
          Type.Integer({ description: 'Number of the document in the request, from 0.' }),
        ),
        pointer: Type.String({ description: 'Where in the document (RFC 6901).' }),
        message: Type.String(),
        remedy: Type.String(),
      }),
    ),
    confirmation: Type.Optional(Type.Unsafe<Confirmation>({ $ref: 'Confirmation#' })),
  },
  { $id: 'Problem', title: 'Problem', description: 'Why a request was refused (RFC 9457).' },
)

/** Documentation of the refusals that every route has in common. */
export const problemResponses = {
  '4xx': {
    description: 'Refused.',
    content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
  },
  '5xx': {
    description: 'Failed.',
    content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
  },
}
