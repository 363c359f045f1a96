import { type Static, Type } from 'typebox'
import type { Problem } from '../../errors.ts'
import type { Document } from '../../model/document.ts'
import { Duration } from '../../model/duration.ts'

const KeyPart = Type.Object(
  {
    header: Type.Optional(
      Type.String({
        description: 'Count by the value of this request header; requests without it share one counter.',
        pattern: "^[a-z0-9!#$%&'*+.^_`|~-]+$",
        maxLength: 256,
        remedy: 'write a header name in lower case, for example x-api-key',
        examples: ['x-api-key'],
      }),
    ),
    client_ip: Type.Optional(
      Type.Literal(true, { description: 'Count by the client’s IP address (IPv6 by /64).' }),
    ),
    constant: Type.Optional(
      Type.String({
        description: 'A fixed part: one counter for all requests.',
        minLength: 1,
        maxLength: 256,
        examples: ['everyone'],
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    remedy: 'write exactly one of header, client_ip, constant in each item',
  },
)

export const RateLimitSpec = Type.Object(
  {
    algorithm: Type.Enum(['fixed_window'], {
      description:
        'How requests are counted. fixed_window: windows aligned to the Unix epoch, each with a fresh count.',
    }),
    limit: Type.Integer({
      description: 'Requests admitted for one key in one window.',
      minimum: 0,
      maximum: 1_000_000_000,
      examples: [100],
    }),
    window: Duration({
      description: 'Length of a window.',
      atLeast: '100ms',
      atMost: '8784h',
      examples: ['1m'],
    }),
    key: Type.Array(KeyPart, {
      description: 'What is counted by: the parts together are the key of a counter.',
      minItems: 1,
      maxItems: 8,
    }),
  },
  { additionalProperties: false, description: 'How many requests of one key may pass.' },
)

export type RateLimitSpec = Static<typeof RateLimitSpec>

/** A part that stands twice in a key says nothing and is most likely a mistake. */
export function duplicateParts(document: Document): Problem[] {
  const { key } = document.spec as RateLimitSpec
  const texts = key.map((part) => JSON.stringify(part))
  return texts.flatMap((text, index) =>
    texts.indexOf(text) === index
      ? []
      : [
          {
            pointer: `/spec/key/${index}`,
            message: `the key part ${text} is there twice`,
            remedy: 'write each part once',
          },
        ],
  )
}
